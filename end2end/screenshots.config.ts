import { defineConfig } from '@playwright/test';
import suite from './playwright.config';

/** Pictures of every page, for people to look at; they decide nothing, so the suite leaves them out. */
export default defineConfig({ ...suite, testDir: '.', testMatch: 'screenshots.ts', use: { ...suite.use, trace: 'off' } });
