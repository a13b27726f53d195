// Every sentence of the debug adapter that a user can read, numbered, with what to do about it.
//
// 10xx configuration and files, 11xx run control, 12xx addresses and expressions, 13xx breakpoints.

import { UserError } from '../emulator/base/errors.ts';
import type { Place } from '../emulator/base/errors.ts';

export class AdapterError extends UserError {
  readonly number: number;
  /** False: the client asked too late or too early; nothing a person has to read. */
  readonly showUser: boolean;

  constructor(
    number: number,
    message: string,
    hint: string,
    options: { place?: Place; showUser?: boolean } = {},
  ) {
    super(message, hint, options.place ?? {});
    this.name = 'AdapterError';
    this.number = number;
    this.showUser = options.showUser ?? true;
  }
}

// ---------------------------------------------------------------- 10xx: configuration and files

export const badConfiguration = (file: string, problems: string) =>
  new AdapterError(1001, problems, 'Correct the launch configuration', { place: { file } });

export const nothingToBoot = (file: string) =>
  new AdapterError(
    1002,
    'The configuration names nothing to boot',
    "Give one of 'config' (an xl.cfg file), 'domains' or 'bare'",
    { place: { file } },
  );

export const tooMuchToBoot = (file: string, keys: readonly string[]) =>
  new AdapterError(
    1003,
    `The keys ${keys.map((key) => `'${key}'`).join(' and ')} contradict each other`,
    "Keep one of 'config', 'domains' and 'bare'",
    { place: { file } },
  );

export const MISSING_FILE = 1004;

export const missingFile = (file: string, key: string, reason: string) =>
  new AdapterError(MISSING_FILE, `The file of '${key}' cannot be read (${reason})`, 'Check the path', {
    place: { file },
  });

/** The same, told where the configuration names the file. */
export const missingFileAt = (place: Place, file: string, { message }: AdapterError) =>
  new AdapterError(MISSING_FILE, `${file}: ${message}`, 'Check the path', { place });

export const notLaunched = () =>
  new AdapterError(1007, 'No machine has been launched', 'Send a launch request first', { showUser: false });

export const alreadyLaunched = () =>
  new AdapterError(
    1008,
    'A machine has been launched in this session',
    'Restart it, or open another session',
  );

export const noSuchMachine = (id: string | undefined, known: readonly string[]) =>
  new AdapterError(
    1009,
    id === undefined
      ? known.length === 0
        ? 'There is no machine to attach to'
        : `There are ${known.length} machines to attach to`
      : `There is no machine '${id}'`,
    known.length === 0
      ? 'Launch one first, and attach to the debug adapter that runs it'
      : `Give 'machine' as one of: ${known.join(', ')}`,
  );

export const noSuchDomain = (domain: number, known: readonly string[]) =>
  new AdapterError(1012, `There is no domain ${domain}`, `Give 'domain' as one of: ${known.join(', ')}`);

export const unknownSymbolFile = (file: string) =>
  new AdapterError(
    1010,
    'The symbol file is neither ELF nor a System.map',
    "Give vmlinux or System.map as 'symbols'",
    {
      place: { file },
    },
  );

export const machineFailed = (reason: string) =>
  new AdapterError(1011, `The emulated machine failed: ${reason}`, 'Please report this with the log');

export const realXenUnsupported = (file: string) =>
  new AdapterError(
    1013,
    "'xen.image' asks for a real Xen, which cannot be booted yet",
    "Remove the key 'xen'",
    {
      place: { file },
    },
  );

export const noEntrySymbol = (name: string) =>
  new AdapterError(
    1014,
    `'stopOnEntry' names '${name}', which is no symbol of the guest`,
    'Correct it, or give symbols',
  );

export const badDisk = (domain: string, message: string, hint: string) =>
  new AdapterError(1020, `domain '${domain}': ${message}`, hint.replace(/\.$/, ''));

export const badVif = (domain: string, message: string, hint: string) =>
  new AdapterError(1038, `domain '${domain}': ${message}`, hint.replace(/\.$/, ''));

export const notAnXlConfig = (file: string) =>
  new AdapterError(
    1016,
    'This is not an xl.cfg file',
    'Name a text file with lines such as kernel = "vmlinuz"; a kernel itself is booted with \'--bare\'',
    {
      place: { file },
    },
  );

export const unknownXsm = (policy: string) =>
  new AdapterError(
    1022,
    `'xsm=${policy}' is no policy of the embedded Xen`,
    "Give 'xsm=silo', which keeps guests from each other, or 'xsm=dummy'",
  );

export const badXenOption = (option: string, value: string, values: string) =>
  new AdapterError(1023, `'${option}=${value}' of Xen's command line is not understood`, `Give ${values}`);

export const badCpus = (domain: string, key: string, text: string) =>
  new AdapterError(
    1024,
    `'${key}' of domain '${domain}' is '${text}', which names no CPU`,
    "Give CPUs such as '0-3,^1', or 'all'",
  );

export const noSoftReset = (place: Place, key: string) =>
  new AdapterError(1025, `'${key}' is 'soft-reset', which fails on Arm`, "Give 'destroy' or 'restart'", {
    place,
  });

export const tooManyVcpus = (place: Place, count: number, most: number) =>
  new AdapterError(1017, `'vcpus' is ${count}`, `A domain has 1 to ${most} here`, { place });

export const tooMuchMemory = (place: Place, memory: number, most: number) =>
  new AdapterError(
    1018,
    `'memory' is ${memory} MiB`,
    `The emulated machine has at most ${most} MiB for a domain`,
    {
      place,
    },
  );

export const tooLargeForMemory = (file: string, size: number, memory: number) =>
  new AdapterError(
    1019,
    `The RAM disk has ${Math.ceil(size / 2 ** 20)} MiB, and the guest's memory ${Math.floor(memory / 2 ** 20)} MiB`,
    'Give the guest more memory, or a smaller RAM disk',
    { place: { file } },
  );

// ---------------------------------------------------------------- 11xx: run control

export const notStopped = () =>
  new AdapterError(1101, 'notStopped', 'Pause the machine first', { showUser: false });

/** The protocol's own word for it. */
export const cancelled = () =>
  new AdapterError(1111, 'cancelled', 'The client gave the request up', { showUser: false });

export const stale = () =>
  new AdapterError(1102, 'stale', 'Ask again: the machine has run since', { showUser: false });

export const unknownThread = (threadId: number) =>
  new AdapterError(1103, `There is no thread ${threadId}`, 'Ask for the threads again', { showUser: false });

export const hasNotStopped = () =>
  new AdapterError(1122, 'The machine has not stopped yet', 'Pause it first', { showUser: false });

/** Said when guests were asked to power off. */
export const stillRunning = (seconds: number) =>
  `No power-off within ${seconds} s: the machine is ended ('shutdownTimeout' of the launch configuration)`;

export const noCaller = () =>
  new AdapterError(1104, 'No caller of this frame is known', 'Set a breakpoint where execution should stop');

export const noSuchTarget = () =>
  new AdapterError(1120, 'This target is of another stop or another vCPU', 'Ask for the targets again', {
    showUser: false,
  });

export const unsupportedRequest = (command: string) =>
  new AdapterError(1105, `The request '${command}' is not supported`, 'Leave it out', { showUser: false });

export const badArgument = (command: string, name: string, wanted: string) =>
  new AdapterError(1106, `'${name}' of ${command} is not ${wanted}`, `Give ${wanted}.`, { showUser: false });

// ---------------------------------------------------------------- 12xx: addresses, expressions

export const notAnAddress = (text: string) =>
  new AdapterError(
    1201,
    `'${text}' is not an address`,
    'Use hexadecimal, such as 0xffff800008080000 or d1/ipa:0x40000000',
  );

export const unknownSpace = (text: string) =>
  new AdapterError(
    1202,
    `'${text}' names no address space of this machine`,
    'Use va, ipa or pa of a domain that exists',
  );

export const badBase64 = () =>
  new AdapterError(1203, 'The data to write is not base64', 'Send the bytes base64-encoded', {
    showUser: false,
  });

export const notAnExpression = (text: string, where: number, wanted: string) =>
  new AdapterError(
    1204,
    `'${text}' cannot be evaluated: ${wanted} expected at column ${where + 1}`,
    'Use registers ($x0, $SCTLR_EL1), symbols, numbers, + and -, and * for memory',
  );

export const unknownRegister = (name: string) =>
  new AdapterError(
    1206,
    `There is no register '${name}'`,
    'Use $x0 to $x30, $sp, $pc, $v0 or a system register such as $SCTLR_EL1',
  );

export const unknownField = (register: string, field: string) =>
  new AdapterError(1214, `'${register}' has no field '${field}'`, 'Expand the register to see its fields');

export const notANumber = (text: string, bits: number) =>
  new AdapterError(1207, `'${text}' is not a number of ${bits} bits`, 'Use decimal, or hexadecimal after 0x');

export const unreadable = (reference: string) =>
  new AdapterError(1208, `Nothing can be read at ${reference}`, 'Check that the address is mapped');

export const unwritable = (reference: string, written: number, wanted: number) =>
  new AdapterError(
    1209,
    `Only ${written} of ${wanted} bytes at ${reference} can be written`,
    'Check that the range is mapped',
  );

export const notAssignable = (name: string) =>
  new AdapterError(1210, `'${name}' cannot be changed`, 'Registers of the innermost frame can be changed');

export const notSaved = (name: string) =>
  new AdapterError(1211, `'${name}' is not known in this frame`, 'Select the innermost frame');

export const unknownSource = (reference: number) =>
  new AdapterError(1212, `There is no generated source ${reference}`, 'Ask for the stack again', {
    showUser: false,
  });

export const unknownName = (name: string) =>
  new AdapterError(
    1220,
    `No symbol '${name}' here`,
    'Use a variable of this frame, a global one, a type, a function or a symbol',
  );

/** An expression that is written well and has no value: `why` is a sentence without its full stop. */
export const notComputable = (why: string) => new AdapterError(1221, why, 'Correct the expression');

export const tooMuch = () =>
  new AdapterError(1222, 'The expression reads too much memory', 'Ask for a part of it', { showUser: false });

export const hasSideEffects = () =>
  new AdapterError(
    1223,
    'The guest cannot be changed by a watch or a hover',
    'Type it into the debug console, or change the value in the Variables view',
  );

export const notCompilable = (text: string, why: string) =>
  new AdapterError(
    1224,
    `'${text}' cannot be computed beside the running machine: ${why}`,
    'Use variables in registers and memory, registers, constants and operators of C',
  );

// ---------------------------------------------------------------- 13xx: breakpoints

export const notAHitCondition = (text: string) =>
  new AdapterError(1301, `'${text}' is no hit condition`, 'Use 5, >5, >=5, ==5, <5 or %5');

export const notAFunctionName = (text: string) =>
  new AdapterError(
    1302,
    `'${text}' names no function`,
    "Use a name, d1!name, file.c'name, vfs_* or /regex/, and behind it @el0, +0x10 or :return",
  );

export const notARegularExpression = (text: string, problem: string) =>
  new AdapterError(1303, `'${text}' is no regular expression`, problem);

export const unknownMode = (text: string, modes: readonly string[]) =>
  new AdapterError(
    1304,
    `There is no mode '${text}' for this breakpoint`,
    `Use ${modes.slice(0, -1).join(', ')} or ${modes.at(-1)}`,
  );

export const notData = (text: string) =>
  new AdapterError(1305, `'${text}' names no data`, 'Ask for its id with dataBreakpointInfo', {
    showUser: false,
  });

export const noXenstore = () =>
  new AdapterError(1306, 'A bare machine has no xenstore', 'Start the guest as a domain');

export const notWatched = (register: string) =>
  new AdapterError(
    1307,
    `'${register}' is no system register that can be watched so`,
    'Ask for its id and the accesses with dataBreakpointInfo',
  );

export const noGuestOs = (domain: string) =>
  new AdapterError(
    1401,
    `Nothing is known of an operating system in ${domain}`,
    "Tasks and the log can be had of Linux 5.10 and later, by the DWARF of its vmlinux (key 'symbols') or its BTF",
  );

export const noSuchTask = (what: string) =>
  new AdapterError(1402, `There is no task ${what}`, 'xen/tasks and :tasks list those that there are', {
    showUser: false,
  });

export const badModuleFolder = (folder: string, problem: string) =>
  new AdapterError(
    1403,
    `The folder '${folder}' of modules cannot be read: ${problem}`,
    "Correct 'moduleFolders' in the launch configuration",
  );

export const otherBuild = (file: string, what: string) =>
  new AdapterError(
    1404,
    `'${file}' is not what '${what}' in the guest was made of, and is not used`,
    'Give the file of the same build',
  );

/** Why a breakpoint is not verified: shown beside it. */
export const breakpointMessages = {
  noModuleFile: (name: string) =>
    `No file of the module ${name} is in the folders of modules: its functions are known by the kernel's own table, its lines are not`,
  notRunning: (name: string) => `The program ${name} does not run yet`,
  notLoaded: (name: string) => `No module '${name}' is loaded, and no program of that name runs`,
  withoutLines: (path: string, modules: readonly string[]) =>
    `No debug information names '${path}'. No file with lines was found of ${modules.length === 1 ? 'the module' : 'the modules'} ${modules.join(', ')}: see moduleFolders`,
  noSuchFunction: (name: string) => `No function '${name}' in the loaded symbols`,
  noSuchFile: (path: string) =>
    `No debug information names '${path}'. If it was built under another path, add it to sourceMap`,
  noCodeAtLine: (nearest: number | undefined) =>
    nearest === undefined ? 'This line has no code' : `This line has no code, the nearest is line ${nearest}`,
  noLineInformation: 'The loaded symbols have no line information. Give an ELF with DWARF as symbols',
  tooManyPlaces: (count: number) =>
    count === 1
      ? 'No more breakpoints can be set: remove others first'
      : `Code of it stands at ${count} places, which is more than can be watched. Set it where the function is called`,
  severalPlaces: (count: number) => `Set at ${count} places`,
  namedPlaces: (count: number, places: readonly string[]) =>
    `Set at ${count} places: ${places.join(', ')}${places.length < count ? ', …' : ''}`,
  tooManyFunctions: (name: string, count: number) =>
    `More than ${count - 1} functions match '${name}'. Narrow it down`,
  noSymbols: (domain: string) =>
    `The symbols of ${domain} are not loaded. Give 'symbols' in the launch configuration`,
  conditionFailed: (problem: string) =>
    `The condition could not be computed (${problem}) and is ignored from now on`,
  eventCondition: (fields: readonly string[]) =>
    `An expression of ${fields.map((field) => `$ev.${field}`).join(', ')}`,
  unknownEvent: (name: string) => `There is no event '${name}'`,
  noStage: (event: string, stage: string) => `The event '${event}' has no stage '${stage}'`,
  onlyOnXen: (event: string) => `The event '${event}' does not happen on a bare machine`,
  unknownFilter: (name: string) => `There is no exception filter '${name}'`,
  registerWatch: (name: string) =>
    `'${name}' is not watched: only system registers are, and general ones change with every instruction`,
  nothingToWatch: (name: string) => `'${name}' is nothing that lies in memory`,
  keptInRegister: (name: string, register: string) =>
    `'${name}' is in ${register} here, and registers are not watched`,
  hasNoPlace: (name: string, why: string) => `'${name}' is in no place of memory: ${why}`,
  pauseFirst: 'Pause the machine first, or give an address',
  watchedSize: (most: number) => `1 to ${most} bytes can be watched`,
  notMapped: 'Nothing is mapped there yet, so its physical address is not known',
  machinePhysical: 'Name the guest physical address instead: d1/ipa:0x40000000',
  badReference: (text: string) => `'${text}' is not an address`,
  notLaunched: 'No machine has been launched yet',
} as const;
