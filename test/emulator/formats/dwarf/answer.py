# Run by gdb for dwarf-oracle.ts: answers the questions of one file in another, as JSON.
import gdb
import json
import os
import re


def describe(type):
    stripped = type.strip_typedefs()
    result = {'size': None, 'code': stripped.code, 'name': type.name}
    try:
        result['size'] = type.sizeof
    except gdb.error:
        pass
    return result


def is_variable(symbol):
    constants = (gdb.SYMBOL_LOC_CONST, gdb.SYMBOL_LOC_CONST_BYTES)
    is_constant = symbol.addr_class in constants and symbol.type.code != gdb.TYPE_CODE_ENUM
    return symbol.is_argument or symbol.is_variable or is_constant


def scopes_at(address):
    scopes = []
    block = gdb.block_for_pc(address)
    while block is not None and not block.is_static and not block.is_global:
        symbols = [s for s in block if is_variable(s)]
        names = sorted(s.name for s in symbols if s.addr_class != gdb.SYMBOL_LOC_OPTIMIZED_OUT)
        gone = sorted(s.name for s in symbols if s.addr_class == gdb.SYMBOL_LOC_OPTIMIZED_OUT)
        function = block.function.name if block.function else None
        if function or names or gone:
            scopes.append({'function': function, 'variables': names, 'gone': gone})
        outer = block.superblock
        if function and (outer is None or outer.is_static):
            break
        block = outer
    return scopes


def there_at(address):
    """Names of the innermost function's variables, and whether they are anywhere at the address."""
    result = {}
    name = None
    variables = set()
    for scope in scopes_at(address):
        variables.update(scope['variables'] + scope['gone'])
    try:
        lines = gdb.execute('info scope *%d' % address, to_string=True).splitlines()
    except gdb.error:
        # gdb cannot describe every expression that it can evaluate.
        return result
    for line in lines:
        symbol = re.match(r'Symbol (\S+) is (.*)', line)
        if symbol:
            name = symbol.group(1)
            is_label = symbol.group(2).startswith('a label')
            if is_label or name in result or name not in variables:
                name = None
                continue
            text = symbol.group(2)
            result[name] = 'multi-location' not in text and 'optimized out' not in text
        place = re.search(r'\sRange 0x([0-9a-f]+)-0x([0-9a-f]+):', line)
        if place and name and int(place.group(1), 16) <= address < int(place.group(2), 16):
            if 'optimized out' not in line:
                result[name] = True
    return result


def fields_of(type):
    result = []
    for field in type.fields():
        if not hasattr(field, 'bitpos'):
            continue
        entry = {'name': field.name or None, 'bit': field.bitpos, 'bits': field.bitsize, 'type': describe(field.type)}
        if not field.name:
            entry['fields'] = fields_of(field.type.strip_typedefs())
        result.append(entry)
    return result


def structure(name):
    try:
        type = gdb.lookup_type(name)
        return {'size': type.sizeof, 'fields': fields_of(type)}
    except gdb.error:
        return None


def enumeration(name):
    try:
        return {field.name: str(field.enumval) for field in gdb.lookup_type(name).fields()}
    except gdb.error:
        return None


def variable(name):
    symbol = gdb.lookup_global_symbol(name)
    symbols = [symbol] if symbol else list(gdb.lookup_static_symbols(name))
    result = []
    for symbol in symbols:
        try:
            address = symbol.value().address
            result.append({'address': str(int(address) & (2 ** 64 - 1)), 'type': describe(symbol.type)})
        except (gdb.error, RuntimeError, TypeError):
            pass
    return result


def ask(questions):
    answers = {'scopes': [], 'there': [], 'structures': [], 'enumerations': [], 'variables': []}
    for address in questions['addresses']:
        answers['scopes'].append(scopes_at(int(address)))
        answers['there'].append(there_at(int(address)))
    answers['structures'] = [structure(name) for name in questions['structures']]
    answers['enumerations'] = [enumeration(name) for name in questions['enumerations']]
    answers['variables'] = [variable(name) for name in questions['variables']]
    return answers


with open(os.environ['QUESTIONS']) as file:
    answers = ask(json.load(file))
with open(os.environ['ANSWERS'], 'w') as file:
    json.dump(answers, file)
