import { defineConfig } from '@playwright/test';
import suite from '../playwright.config';

/** Figures for people to look at; they decide nothing, so the suite leaves them out. */
export default defineConfig({
  ...suite,
  testDir: '.',
  outputDir: '../test-results',
  testMatch: 'bench.ts',
  timeout: 900_000,
  use: { ...suite.use, trace: 'off' },
});
