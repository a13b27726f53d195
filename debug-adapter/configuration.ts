// The launch configuration: one schema for parsing, for the types and for the attributes that the
// extension's manifest describes (see `configurationAttributes`).

import * as z from 'zod';
import { MAX_CPUS, MAX_VCPUS, SCHEDULERS } from '../emulator/catalog.ts';
import * as errors from './errors.ts';

const memory = z
  .union([
    z.number().int().positive(),
    z.string().regex(/^\d+[KMG]?$/i, "Use a number of MiB, or a size such as '512M' or '2G'"),
  ])
  .meta({ markdownDescription: 'Memory in MiB, or a size with a unit such as `"512M"`.' });

const gicVersion = z
  .union([z.literal(2), z.literal(3)])
  .meta({ markdownDescription: 'Version of the interrupt controller the guest sees.' });

const symbols = z.string().min(1).meta({
  markdownDescription:
    'File with symbols of the kernel: an ELF such as `vmlinux` (with DWARF for source lines), or a `System.map`. Without it the kernel file itself is asked: an ELF, or the symbol table inside a Linux Image.',
});

const sourceMap = z.record(z.string(), z.string()).meta({
  markdownDescription:
    'Where sources are: from a directory in which the guest was built to one on this machine, such as `"/build/linux": "${workspaceFolder}/linux"`.',
});

const sourceTree = z.string().min(1).meta({
  markdownDescription:
    'Folder with the sources of the guest, such as an unpacked `linux-6.1`: files are found there by the end of the path under which they were built, wherever that was.',
});

const cpus = z.number().int().min(1).max(MAX_CPUS);

const cpuRanges = z.union([z.string().min(1), z.array(z.string().min(1)).min(1)]);

const scheduler = z.enum(SCHEDULERS);

const pool = z
  .strictObject({
    name: z.string().min(1).meta({ markdownDescription: 'Name of the pool, as `pool` of a domain says it.' }),
    cpus: z
      .array(
        z
          .number()
          .int()
          .min(0)
          .max(MAX_CPUS - 1),
      )
      .min(1)
      .meta({ markdownDescription: 'Its physical CPUs.' }),
    scheduler: scheduler
      .optional()
      .meta({ markdownDescription: 'Its scheduler; that of the machine when left out.' }),
  })
  .meta({ markdownDescription: 'Physical CPUs with a scheduler of their own.' });

const moduleFolders = z.array(z.string().min(1)).meta({
  markdownDescription:
    'Folders with the files of kernel modules, such as `/usr/lib/debug/lib/modules/6.1.0-56-arm64` or that in which the kernel was built: `.ko`, `.ko.debug`, and packed ones. Symbols of a module come as the guest loads it.',
});

const programs = z
  .array(
    z.union([
      z.string().min(1),
      z.strictObject({
        file: z.string().min(1).meta({ markdownDescription: 'The ELF file, with DWARF for source lines.' }),
        guest: z.string().min(1).meta({
          markdownDescription:
            'Its name in the guest, or its path there, where that is not the name of the file.',
        }),
      }),
    ]),
  )
  .meta({
    markdownDescription:
      'ELF files of programs that run in a Linux guest: their symbols come as a process executes them.',
  });

const domain = z
  .strictObject({
    name: z.string().min(1).default('guest').meta({ markdownDescription: 'Name of the domain.' }),
    kernel: z
      .string()
      .min(1)
      .meta({ markdownDescription: 'Kernel: an arm64 `Image`, compressed or not, or an ELF.' }),
    ramdisk: z.string().min(1).optional().meta({ markdownDescription: 'Initial RAM disk, as it is.' }),
    cmdline: z.string().default('').meta({ markdownDescription: 'Command line of the kernel.' }),
    memory: memory.default(256),
    vcpus: z
      .number()
      .int()
      .min(1)
      .max(MAX_VCPUS)
      .default(1)
      .meta({ markdownDescription: 'Number of virtual CPUs; at most 8 with GICv2.' }),
    cpus: cpuRanges.optional().meta({
      markdownDescription:
        'Physical CPUs that the vCPUs may run on, such as `"0-1"`: one set for all, or a list with one for each.',
    }),
    cpusSoft: cpuRanges
      .optional()
      .meta({ markdownDescription: 'Physical CPUs that the vCPUs prefer to run on.' }),
    cpuWeight: z.number().int().min(1).max(65_535).optional().meta({
      markdownDescription:
        'Share of CPU time beside other domains: 512 gets twice as much as 256, the default.',
    }),
    cap: z.number().int().nonnegative().optional().meta({
      markdownDescription: 'Most CPU time that the domain gets, in per cent of one CPU; `0`: no limit.',
    }),
    period: z.number().int().min(10).optional().meta({
      markdownDescription: 'Scheduler rtds: microseconds in which each vCPU gets its `budget`.',
    }),
    budget: z.number().int().min(10).optional().meta({
      markdownDescription: 'Scheduler rtds: microseconds that each vCPU gets in a `period`.',
    }),
    extratime: z.boolean().optional().meta({
      markdownDescription: 'Scheduler rtds: what nobody else needs is used when the budget has run out.',
    }),
    slot: z.number().int().min(10).optional().meta({
      markdownDescription: 'Scheduler arinc653: microseconds that each vCPU gets in every major frame.',
    }),
    pool: z.string().min(1).optional().meta({ markdownDescription: 'CPU pool of the domain.' }),
    gicVersion: gicVersion.default(3),
    disk: z.array(z.string()).optional().meta({
      markdownDescription:
        'Disks, as in `xl.cfg`: `"root.img,raw,xvda,w"` is written when the guest flushes it; what is written to `"base.qcow2,qcow2,xvdb,w"` or `"overlay:root.img,raw,xvda,w"` stays in memory; `"scratch:4M,raw,xvda,w"` is zeros at first.',
    }),
    vif: z.array(z.string()).optional().meta({ markdownDescription: 'Network interfaces, as in `xl.cfg`.' }),
    symbols: symbols.optional(),
    sourceMap: sourceMap.optional(),
    sourceTree: sourceTree.optional(),
    moduleFolders: moduleFolders.optional(),
    programs: programs.optional(),
  })
  .meta({ markdownDescription: 'A domain, with the meaning `xl.cfg` gives its keys.' });

const bare = z
  .strictObject({
    kernel: z
      .string()
      .min(1)
      .meta({ markdownDescription: 'Kernel: an arm64 `Image`, compressed or not, or an ELF.' }),
    ramdisk: z.string().min(1).optional().meta({ markdownDescription: 'Initial RAM disk, as it is.' }),
    cmdline: z.string().default('').meta({ markdownDescription: 'Command line of the kernel.' }),
    cpus: cpus.default(1).meta({ markdownDescription: 'Number of CPUs.' }),
    memory: memory.default(512),
    gicVersion: gicVersion.default(3),
    el: z
      .union([z.literal(1), z.literal(2)])
      .default(1)
      .meta({ markdownDescription: 'Exception level at which the kernel is entered.' }),
    kaslrSeed: z
      .number()
      .int()
      .nonnegative()
      .optional()
      .meta({ markdownDescription: 'Seed handed to the kernel for address space layout randomization.' }),
  })
  .meta({ markdownDescription: 'A kernel on the bare machine, without Xen.' });

const launch = z.strictObject({
  config: z
    .union([z.string().min(1), z.array(z.string().min(1)).min(1)])
    .optional()
    .meta({ markdownDescription: 'Path of an `xl.cfg` file, or a list of them.' }),
  domains: z.array(domain).min(1).optional().meta({ markdownDescription: 'Domains, described here.' }),
  bare: bare.optional(),
  symbols: symbols.optional(),
  sourceMap: sourceMap.optional(),
  sourceTree: sourceTree.optional(),
  moduleFolders: moduleFolders.optional(),
  programs: programs.optional(),
  stopOnEntry: z
    .union([z.boolean(), z.string().min(1)])
    .default(false)
    .meta({
      markdownDescription:
        '`true` or `"kernel"`: stop before the first instruction. `"main"`: where the first function in C begins, `start_kernel` in Linux. Another symbol: where it begins, once.',
    }),
  sessions: z
    .enum(['auto', 'single', 'perDomain'])
    .default('auto')
    .meta({
      markdownDescription: 'How domains are shown.',
      enumDescriptions: [
        'A session for each domain when there are several',
        'All vCPUs as threads of one session',
        'A session for each domain, beside that of the machine',
      ],
    }),
  shutdownTimeout: z.number().nonnegative().max(3600).default(10).meta({
    markdownDescription:
      'Seconds that guests have to power off when debugging is stopped while they run; after that, or when it is stopped once more, the machine ends. `0`: it ends at once.',
  }),
  seed: z
    .number()
    .int()
    .nonnegative()
    .default(0)
    .meta({ markdownDescription: 'Everything random in the machine derives from it.' }),
  startTime: z
    .string()
    .optional()
    .meta({ markdownDescription: "The guest's wall clock at the start, such as `2026-01-01T00:00:00Z`." }),
  cpu: z
    .enum(['a53', 'max'])
    .default('a53')
    .meta({
      markdownDescription: 'Model of the processor.',
      enumDescriptions: ['Cortex-A53: Armv8.0-A', 'Everything that is modelled'],
    }),
  xen: z
    .strictObject({
      image: z
        .string()
        .min(1)
        .optional()
        .meta({ markdownDescription: 'A real Xen instead of the embedded one.' }),
      cmdline: z.string().optional().meta({
        markdownDescription:
          "Xen's command line. The embedded one takes `xsm=silo`, its default, and `xsm=dummy`, with which guests may share memory and events with each other; `maxcpus=`, `sched=` and `sched_ratelimit_us=`.",
      }),
      cpus: cpus.optional().meta({
        markdownDescription:
          'Physical CPUs of the machine; as many as there are vCPUs when left out, 8 at most.',
      }),
      scheduler: scheduler.optional().meta({
        markdownDescription: 'Who runs on which physical CPU is decided by this scheduler of Xen.',
        enumDescriptions: [
          'General purpose, fair by weight, with caps; the default',
          'Its predecessor',
          'Each vCPU has a physical CPU for itself',
          'Real time: a budget in each period, earliest deadline first',
          'Real time: a fixed table of time slots on one CPU',
        ],
      }),
      ratelimit: z.number().int().nonnegative().max(500_000).optional().meta({
        markdownDescription:
          'Microseconds that a vCPU runs at least before another takes its CPU; 1000 when left out.',
      }),
      pools: z.array(pool).optional().meta({
        markdownDescription: 'CPU pools beside `Pool-0`, which has the CPUs that no other one has.',
      }),
    })
    .optional()
    .meta({ markdownDescription: 'The hypervisor.' }),
});

const attach = z.strictObject({
  machine: z
    .string()
    .min(1)
    .optional()
    .meta({ markdownDescription: 'Which machine, where an adapter runs several: `m1`.' }),
  domain: z
    .number()
    .int()
    .positive()
    .optional()
    .meta({ markdownDescription: 'Only this domain, by its id. Without it all domains are shown.' }),
  suspend: z.boolean().default(true).meta({ markdownDescription: 'Pause the machine if it runs.' }),
});

export type LaunchConfiguration = z.infer<typeof launch>;
export type AttachConfiguration = z.infer<typeof attach>;
export type DomainConfiguration = z.infer<typeof domain>;
export type BareConfiguration = z.infer<typeof bare>;

/** What VS Code itself puts into a launch request. */
const EDITOR_KEYS = new Set([
  'name',
  'type',
  'request',
  'preLaunchTask',
  'postDebugTask',
  'presentation',
  'internalConsoleOptions',
  'debugServer',
  'serverReadyAction',
  'suppressMultipleSessionWarning',
  'noDebug',
]);

/** Checks a launch configuration. `where` names its origin in messages: launch.json, or a file. */
export function parseLaunchConfiguration(raw: unknown, where: string): LaunchConfiguration {
  const parsed = launch.safeParse(ownKeys(raw));
  if (!parsed.success) throw errors.badConfiguration(where, problemsOf(parsed.error));
  const configuration = parsed.data;
  const given = (['config', 'domains', 'bare'] as const).filter((key) => configuration[key] !== undefined);
  if (given.length === 0) throw errors.nothingToBoot(where);
  if (given.length > 1) throw errors.tooMuchToBoot(where, given);
  if (configuration.xen?.image !== undefined) throw errors.realXenUnsupported(where);
  if (configuration.startTime !== undefined && Number.isNaN(Date.parse(configuration.startTime))) {
    throw errors.badConfiguration(where, `'startTime' is not a date: '${configuration.startTime}'`);
  }
  return configuration;
}

export function parseAttachConfiguration(raw: unknown, where: string): AttachConfiguration {
  const parsed = attach.safeParse(ownKeys(raw));
  if (!parsed.success) throw errors.badConfiguration(where, problemsOf(parsed.error));
  return parsed.data;
}

function ownKeys(raw: unknown): unknown {
  if (typeof raw !== 'object' || raw === null) return raw;
  return Object.fromEntries(
    Object.entries(raw).filter(([key]) => !EDITOR_KEYS.has(key) && !key.startsWith('__')),
  );
}

/** The attributes of the launch and attach requests as JSON schema, for the extension's manifest. */
export function configurationAttributes(): Record<string, unknown> {
  const propertiesOf = (schema: z.ZodType): unknown =>
    z.toJSONSchema(schema, { target: 'draft-7', io: 'input', reused: 'inline' }).properties;
  return { launch: { properties: propertiesOf(launch) }, attach: { properties: propertiesOf(attach) } };
}

/** Bytes of a `memory` key: MiB as a number, or with a unit. */
export function memoryBytes(value: number | string): number {
  if (typeof value === 'number') return value * 1024 * 1024;
  const match = /^(\d+)([KMG]?)$/i.exec(value);
  const units: Record<string, number> = { '': 1024 ** 2, k: 1024, m: 1024 ** 2, g: 1024 ** 3 };
  return Number(match?.[1] ?? 0) * (units[(match?.[2] ?? '').toLowerCase()] ?? 1);
}

/** All problems in one sentence, each with the key it is about. */
function problemsOf(error: z.ZodError): string {
  return error.issues
    .map((issue) => {
      if (issue.code === 'unrecognized_keys') {
        const keys = issue.keys.map((key) => `'${[...issue.path, key].join('.')}'`).join(', ');
        return `${keys} ${issue.keys.length === 1 ? 'is not a key' : 'are not keys'} of a launch configuration`;
      }
      const key = `'${issue.path.join('.')}'`;
      if (issue.code === 'invalid_type' && issue.message.endsWith('received undefined'))
        return `${key} is missing`;
      return `${key}: ${issue.message}`;
    })
    .join('; ');
}
