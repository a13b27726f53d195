// Each capability that is announced, with the test that exercises it through the protocol.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { launchElf } from './support/drive.ts';
import { capabilityNames } from './support/protocol-schema.ts';

/** Superseded by filter options; the other two come with time travel. */
const NOT_ANNOUNCED = ['supportsExceptionOptions', 'supportsStepBack', 'supportsRestartFrame'];

const EXERCISED: Readonly<Record<string, readonly [file: string, title: string]>> = {
  supportsConfigurationDoneRequest: [
    'session',
    'stopOnEntry stops before the first instruction, or at a symbol',
  ],
  supportsFunctionBreakpoints: [
    'session',
    'a function breakpoint stops before the first instruction, though the MMU was off when it was set',
  ],
  supportsConditionalBreakpoints: [
    'breakpoints/breakpoints',
    'a condition is judged by the machine, which does not stop for others',
  ],
  supportsHitConditionalBreakpoints: [
    'breakpoints/breakpoints',
    'hits that a condition lets through are counted',
  ],
  supportsEvaluateForHovers: ['session', 'expressions name registers, symbols, addresses and memory'],
  exceptionBreakpointFilters: [
    'breakpoints/events',
    'the filters of the catalogue are announced with what a condition may name',
  ],
  supportsSetVariable: [
    'session',
    'registers can be read and changed in the innermost frame, and only what is known in a caller',
  ],
  supportsGotoTargetsRequest: [
    'execution/steps',
    'goto moves the PC to another statement of the function, and executes nothing',
  ],
  supportsStepInTargetsRequest: [
    'execution/steps',
    'the calls of a line are targets, and one without lines is entered when it is chosen',
  ],
  supportsCompletionsRequest: ['variables.e2e', 'completion knows names, members, registers and commands'],
  completionTriggerCharacters: ['variables.e2e', 'completion knows names, members, registers and commands'],
  supportsModulesRequest: [
    'session',
    'a kernel that moves itself is stopped at its moved address, and named there',
  ],
  additionalModuleColumns: [
    'session',
    'a kernel that moves itself is stopped at its moved address, and named there',
  ],
  supportedChecksumAlgorithms: [
    'protocol',
    'a source has the checksum of what was compiled, and one that differs is told of once',
  ],
  supportsRestartRequest: ['session', 'breakpoints keep their ids over a restart, and are hit again'],
  supportsValueFormattingOptions: [
    'variables.e2e',
    'arguments and locals of a function and of its callers, structures and arrays expanded',
  ],
  supportsExceptionInfoRequest: [
    'breakpoints/events',
    'a filter stops at the event, and exceptionInfo explains it',
  ],
  supportTerminateDebuggee: ['machine/sessions', 'a session that is ended for good takes its domain along'],
  supportSuspendDebuggee: ['machine/sessions', 'a session that leaves may leave the machine standing'],
  supportsDelayedStackTraceLoading: ['frames/stack', 'no more frames are read than asked for'],
  supportsLoadedSourcesRequest: [
    'protocol',
    'the source files of a program are listed where they lie on the disk of the user',
  ],
  supportsLogPoints: [
    'breakpoints/breakpoints',
    'a log point says what it finds, with its line, and does not stop',
  ],
  supportsTerminateThreadsRequest: [
    'execution/steps',
    'threads that are terminated are vCPUs that are turned off',
  ],
  supportsSetExpression: ['variables.e2e', 'a local that is changed is what the guest goes on with'],
  supportsTerminateRequest: ['terminate', 'the end of a session is told, whatever request it interrupts'],
  supportsDataBreakpoints: [
    'breakpoints/breakpoints',
    'a data breakpoint stops behind the write, and says what changed and who did it',
  ],
  supportsReadMemoryRequest: [
    'session',
    'memory is read to the last byte that is there, and written whole or not at all',
  ],
  supportsWriteMemoryRequest: [
    'session',
    'memory is read to the last byte that is there, and written whole or not at all',
  ],
  supportsDisassembleRequest: [
    'session',
    'disassembly has exactly as many lines as asked for, before and behind the address',
  ],
  supportsCancelRequest: ['protocol', 'a request that is given up before its turn is answered with that'],
  supportsBreakpointLocationsRequest: [
    'breakpoints/breakpoints',
    'breakpointLocations names the statements of a range of lines',
  ],
  supportsClipboardContext: ['variables.e2e', 'the clipboard gets all of it, a view a line'],
  supportsSteppingGranularity: ['session', 'steps by instruction: over a call, into a call, out of it'],
  supportsInstructionBreakpoints: [
    'breakpoints/breakpoints',
    'a breakpoint on a physical address is met with the MMU off and on',
  ],
  supportsExceptionFilterOptions: ['breakpoints/events', 'conditions name the fields of the event'],
  supportsSingleThreadExecutionRequests: [
    'execution/steps',
    'one vCPU alone: the others are frozen, and the client hears that they did not continue',
  ],
  supportsDataBreakpointBytes: ['breakpoints/breakpoints', 'reads and all accesses can be watched'],
  breakpointModes: ['breakpoints/breakpoints', 'modes say who counts; one that is none is refused by name'],
  supportsANSIStyling: [
    'protocol',
    'clients with colours get the control sequences of a console, others plain text',
  ],
};

test('39 of the 42 capabilities of the protocol are announced', async () => {
  const session = await launchElf();
  const body = (await session.raw('initialize', { adapterID: 'xen' })).body as Record<string, unknown>;
  const announced = Object.entries(body).filter(([, value]) => value !== false);
  expect(announced.map(([name]) => name).sort()).toEqual(
    capabilityNames.filter((name) => !NOT_ANNOUNCED.includes(name)).sort(),
  );
  expect(announced).toHaveLength(39);
});

test.each(Object.entries(EXERCISED))('%s has its test', (_capability, [file, title]) => {
  const text = readFileSync(join(import.meta.dirname, `${file}.test.ts`), 'utf8');
  expect(text).toContain(`'${title}'`);
});

test('no capability is forgotten here', () => {
  expect(Object.keys(EXERCISED).sort()).toEqual(
    capabilityNames.filter((name) => !NOT_ANNOUNCED.includes(name)).sort(),
  );
});
