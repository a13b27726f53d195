// What is known of an exception or an event: its fields, the decoded syndrome, and the walk of the address that
// faulted up to the level that failed.

import type { DebugProtocol as Dap } from '@vscode/debugprotocol';
import type { EventReport, VcpuId } from '../../emulator/machine/messages.ts';
import { UserError } from '../../emulator/base/errors.ts';
import type { StopReport } from './judge.ts';
import { fieldName, fieldsOf, registerWords } from '../register-fields.ts';
import type { XenSession } from '../session.ts';

/** ESR_ELx.EC of aborts from a lower EL; one more from the same. */
const INSTRUCTION_ABORT = 0x20n;
const DATA_ABORT = 0x24n;
const ABORTS = [INSTRUCTION_ABORT, INSTRUCTION_ABORT + 1n, DATA_ABORT, DATA_ABORT + 1n];
/** ESR_ELx.ISS.WnR of a data abort. */
const WNR = 1n << 6n;

export async function exceptionDetails(
  session: XenSession,
  { exception, vcpu }: StopReport,
): Promise<Dap.ExceptionDetails> {
  const event = exception?.event;
  // Clients show the description above it.
  const parts = [
    event && fieldText(event),
    event && syndromeText(event),
    event && (await walkText(session, vcpu, event)),
  ];
  return {
    typeName: exception?.id ?? 'none',
    fullTypeName: exception?.id ?? 'none',
    ...(exception && { message: exception.description }),
    ...(event && { evaluateName: '$ev' }),
    stackTrace: parts.filter((part) => part !== undefined && part !== '').join('\n\n'),
  };
}

/** Every field in a line of its own. */
function fieldText({ fields }: EventReport): string {
  const rows = Object.entries(fields);
  const width = rows.reduce((most, [name]) => Math.max(most, name.length), 0);
  return rows
    .map(([name, value]) => `${name.padEnd(width)}  ${typeof value === 'bigint' ? numberText(value) : value}`)
    .join('\n');
}

/** Small numbers as people count, others as addresses and masks are written. */
const numberText = (value: bigint): string => (value < 1000n ? String(value) : `0x${value.toString(16)}`);

/** ESR_ELx taken apart, where the event has one, or what makes one. */
function syndromeText({ fields }: EventReport): string {
  const esr = syndromeOf(fields);
  if (esr === undefined) return '';
  const name = 'ESR_EL1';
  const rows = fieldsOf(name, esr)
    .filter(({ reserved }) => !reserved)
    .map((field) => {
      const words = field.words === undefined ? field.doc : field.words;
      return `  ${fieldName(field).padEnd(10)} 0x${field.value.toString(16).padEnd(8)} ${words}`;
    });
  const whole = registerWords(name, esr);
  return [`syndrome 0x${esr.toString(16)}${whole === undefined ? '' : `: ${whole}`}`, ...rows].join('\n');
}

/** ESR_ELx, of an instruction of 32 bits where only its parts are known. */
function syndromeOf({ esr, ec, iss }: EventReport['fields']): bigint | undefined {
  if (typeof esr === 'bigint') return esr;
  return typeof ec === 'bigint' && ec >= 0n && typeof iss === 'bigint'
    ? (ec << 26n) | (1n << 25n) | iss
    : undefined;
}

/** The address that faulted, through both stages as far as they lead. */
async function walkText(session: XenSession, focus: VcpuId, { fields }: EventReport): Promise<string> {
  const address = fields['va'] ?? fields['far'];
  const ipa = fields['ipa'];
  const access = accessOf(fields);
  const el = fields['from_el'] === 0n ? ' el=0' : '';
  const line =
    typeof address === 'bigint' && address !== 0n
      ? `walk 0x${address.toString(16)} access=${access}${el}`
      : typeof ipa === 'bigint'
        ? `walk ipa=0x${ipa.toString(16)} access=${access}`
        : undefined;
  if (line === undefined || (typeof ipa !== 'bigint' && !isAbort(fields))) return '';
  try {
    return (await session.machine.client.request('inspectCommand', { line, focus })).trimEnd();
  } catch (error) {
    // An event may name an address that no walk begins at; the rest is still worth showing.
    if (error instanceof UserError) return '';
    throw error;
  }
}

/** FAR_ELx is of interest. */
function isAbort(fields: EventReport['fields']): boolean {
  const exceptionClass = (syndromeOf(fields) ?? 0n) >> 26n;
  return ABORTS.includes(exceptionClass);
}

/** What the syndrome of an abort says, or the event itself. */
function accessOf(fields: EventReport['fields']): string {
  const esr = syndromeOf(fields) ?? 0n;
  const exceptionClass = esr >> 26n;
  if (exceptionClass === INSTRUCTION_ABORT || exceptionClass === INSTRUCTION_ABORT + 1n) return 'execute';
  const isData = exceptionClass === DATA_ABORT || exceptionClass === DATA_ABORT + 1n;
  return (isData && (esr & WNR) !== 0n) || fields['write'] === 1n ? 'write' : 'read';
}
