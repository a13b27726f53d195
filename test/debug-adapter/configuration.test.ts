import { expect, test } from 'vitest';
import {
  configurationAttributes,
  memoryBytes,
  parseLaunchConfiguration,
} from '../../debug-adapter/configuration.ts';

const parse = (raw: unknown) => parseLaunchConfiguration(raw, 'launch.json');
const refusal = (raw: unknown): string => {
  try {
    parse(raw);
  } catch (error) {
    return String(error);
  }
  return 'accepted';
};

test("the editor's own keys are taken off, defaults are filled in", () => {
  const raw = {
    type: 'xen',
    request: 'launch',
    name: 'x',
    __configurationTarget: 6,
    bare: { kernel: 'Image' },
  };
  expect(parse(raw)).toEqual({
    bare: { kernel: 'Image', cmdline: '', cpus: 1, memory: 512, gicVersion: 3, el: 1 },
    stopOnEntry: false,
    sessions: 'auto',
    seed: 0,
    shutdownTimeout: 10,
    cpu: 'a53',
  });
});

test('what is missing, contradictory, unknown or of the wrong kind is named', () => {
  expect(refusal({})).toBe(
    "launch.json: The configuration names nothing to boot. Give one of 'config' (an xl.cfg file), 'domains' or 'bare'",
  );
  expect(refusal({ config: 'a.cfg', bare: { kernel: 'Image' } })).toBe(
    "launch.json: The keys 'config' and 'bare' contradict each other. Keep one of 'config', 'domains' and 'bare'",
  );
  expect(refusal({ bare: { kernel: 'Image', vcpus: 2 } })).toContain(
    "'bare.vcpus' is not a key of a launch configuration",
  );
  expect(refusal({ bare: {} })).toContain("'bare.kernel'");
  expect(refusal({ bare: { kernel: 'Image', gicVersion: 4 } })).toContain("'bare.gicVersion'");
  expect(refusal({ bare: { kernel: 'Image' }, startTime: 'noon' })).toContain("'startTime' is not a date");
  expect(refusal({ bare: { kernel: 'Image' }, xen: { image: 'xen' } })).toContain("'xen.image'");
  expect(refusal('text')).toContain('launch.json');
});

test('memory is MiB, or a size with a unit', () => {
  expect(memoryBytes(256)).toBe(256 << 20);
  expect(memoryBytes('256')).toBe(256 << 20);
  expect(memoryBytes('512M')).toBe(512 << 20);
  expect(memoryBytes('1g')).toBe(1 << 30);
});

test('every attribute of the manifest is described, without references', () => {
  const text = JSON.stringify(configurationAttributes());
  expect(text).not.toContain('$ref');
  const { launch } = configurationAttributes() as {
    launch: { properties: Record<string, { markdownDescription?: string }> };
  };
  for (const [name, property] of Object.entries(launch.properties)) {
    expect([name, typeof property.markdownDescription]).toEqual([name, 'string']);
  }
});
