import { defineConfig } from 'vitest/config';

const EXCLUDED = ['node_modules/**', 'dist/**', 'build/**'];

export default defineConfig({
  test: {
    // Two cores are the least a test machine has, and the emulator's tests compute.
    maxWorkers: 2,
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: [...EXCLUDED, 'test/**/*.e2e.test.ts'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        test: {
          // Whole programs: kernels that boot, the packaged command line, a real workbench.
          name: 'e2e',
          include: ['test/**/*.e2e.test.ts'],
          exclude: EXCLUDED,
          testTimeout: 600_000,
          hookTimeout: 900_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
