import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { providerSettings } from '../providers/provider';
import { MailServer } from './mail';

const BINARY = path.resolve(__dirname, '../../target/release/roster');

/** How Roster is started here. */
export interface Options {
  /** Start a mail server with it, and let it use that? */
  mail?: boolean;
  /** Let it reach identity providers on this host? */
  providers?: boolean;
  /** By which name browsers reach it; by its number, if there is none. */
  host?: string;
  /** Further settings. */
  settings?: Record<string, string>;
}

/**
 * The release binary, copied alone into an empty folder and started there on SQLite: what it does, it does without the project
 * around it.
 */
export class Roster {
  /** All that it has printed: standard output and log. */
  printed = '';
  /** Milliseconds from the start to the first answer. */
  startedIn = 0;
  private process?: ChildProcess;

  private constructor(
    private readonly folder: string,
    readonly url: string,
    readonly settings: Record<string, string>,
    private readonly mailServer?: MailServer,
  ) {}

  static async start(options: Options = { mail: true }): Promise<Roster> {
    const folder = await mkdtemp(path.join(tmpdir(), 'roster-'));
    await copyFile(BINARY, path.join(folder, 'roster'));
    const mail = options.mail ? await MailServer.start(folder) : undefined;
    const port = await freePort();
    const url = `http://${options.host ?? '127.0.0.1'}:${port}`;
    const settings = {
      ROSTER_LISTEN: `127.0.0.1:${port}`,
      ROSTER_BASE_URL: url,
      ROSTER_DATA_DIR: path.join(folder, 'data'),
      ...mail?.settings(),
      ...(options.providers && (await providerSettings(folder))),
      ...options.settings,
    };
    const roster = new Roster(folder, url, settings, mail);
    await roster.serve();
    return roster;
  }

  /** The mail server that came with it. */
  get mail(): MailServer {
    if (!this.mailServer) throw new Error('this Roster was started without a mail server');
    return this.mailServer;
  }

  /** The one-time set-up link that it printed. */
  get setUpLink(): string {
    const link = this.printed.match(/https?:\/\/\S+\/s\/[\w-]+/)?.[0];
    if (!link) throw new Error(`no set-up link was printed:\n${this.printed}`);
    return link;
  }

  /** Runs one of its other commands beside it, and answers what that prints. */
  async command(...words: string[]): Promise<string> {
    const { stdout } = await promisify(execFile)('./roster', words, { cwd: this.folder, env: this.environment() });
    return stdout;
  }

  /** The folder that it keeps its data in. */
  get dataFolder(): string {
    return this.settings.ROSTER_DATA_DIR;
  }

  /** The id of its process. */
  get pid(): number {
    return this.process?.pid ?? 0;
  }

  /** Asks it to end, as an operator would, and answers its exit code. */
  async end(): Promise<number | null> {
    const process = this.process;
    if (!process || process.exitCode !== null) return process?.exitCode ?? null;
    const exit = once(process, 'exit');
    process.kill('SIGTERM');
    const late = setTimeout(() => process.kill('SIGKILL'), 15_000);
    const [code] = await exit;
    clearTimeout(late);
    return code;
  }

  /** Starts it again after it ended, on the same data. */
  async restart(): Promise<void> {
    await this.serve();
  }

  /** Ends it with its mail server, and deletes its folder. */
  async stop(): Promise<void> {
    await this.end();
    await this.mailServer?.stop();
    await rm(this.folder, { recursive: true, force: true });
  }

  private async serve(): Promise<void> {
    const begin = Date.now();
    const child = spawn('./roster', ['serve'], { cwd: this.folder, env: this.environment(), stdio: ['ignore', 'pipe', 'pipe'] });
    child.stdout.on('data', (text) => (this.printed += text));
    child.stderr.on('data', (text) => (this.printed += text));
    this.process = child;
    while (!(await this.answers())) {
      if (child.exitCode !== null) throw new Error(`Roster ended with ${child.exitCode}:\n${this.printed}`);
      if (Date.now() - begin > 20_000) throw new Error(`Roster does not answer:\n${this.printed}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    this.startedIn = Date.now() - begin;
  }

  private async answers(): Promise<boolean> {
    try {
      return (await fetch(`${this.url}/healthz`)).ok;
    } catch {
      return false;
    }
  }

  /** Nothing of the caller's own settings gets in. */
  private environment(): NodeJS.ProcessEnv {
    return { PATH: process.env.PATH, HOME: this.folder, TMPDIR: this.folder, ...this.settings };
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
