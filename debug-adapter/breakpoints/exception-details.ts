// What is known of an exception or an event: its fields, the decoded syndrome, and the walk of the address that
// faulted up to the level that failed.

import type { DebugProtocol as Dap } from '@vscode/debugprotocol';
import type { EventReport, VcpuId } from '../../emulator/machine/messages.ts';
import { UserError } from '../../emulator/base/errors.ts';
import type { StopReport } from '../judge.ts';
import { fieldName, fieldsOf, registerWords } from '../register-fields.ts';
import type { XenSession } from '../session.ts';

export async function exceptionDetails(
  session: XenSession,
  { exception, vcpu }: StopReport,
): Promise<Dap.ExceptionDetails> {
  const event = exception?.event;
  const parts = [
    exception?.description,
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
  const esr = typeof fields['esr'] === 'bigint' ? fields['esr'] : joined(fields['ec'], fields['iss']);
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

function joined(ec: bigint | string | undefined, iss: bigint | string | undefined): bigint | undefined {
  return typeof ec === 'bigint' && typeof iss === 'bigint' ? (ec << 26n) | (1n << 25n) | iss : undefined;
}

/** The address that faulted, through both stages as far as they lead. */
async function walkText(session: XenSession, focus: VcpuId, { event, fields }: EventReport): Promise<string> {
  const address = fields['va'] ?? fields['far'];
  const ipa = fields['ipa'];
  const access = accessOf(fields);
  const line =
    typeof address === 'bigint' && address !== 0n
      ? `walk 0x${address.toString(16)} access=${access}`
      : typeof ipa === 'bigint'
        ? `walk ipa=0x${ipa.toString(16)} access=${access}`
        : undefined;
  if (line === undefined || !/fault|abort|exception|unhandled|trap/i.test(event)) return '';
  try {
    return (await session.machine.client.request('inspectCommand', { line, focus })).trimEnd();
  } catch (error) {
    // An event may name an address that no walk begins at; the rest is still worth showing.
    if (error instanceof UserError) return '';
    throw error;
  }
}

function accessOf({ write, ec }: EventReport['fields']): string {
  // Instruction aborts from a lower and from the same EL.
  if (ec === 0x20n || ec === 0x21n) return 'execute';
  return write === 1n || write === 'yes' ? 'write' : 'read';
}
