import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { simpleParser, type ParsedMail } from 'mailparser';
import { generate } from 'selfsigned';
import { SMTPServer } from 'smtp-server';

/** A mail as the person reads it. */
export interface Mail {
  to: string;
  subject: string;
  text: string;
  html: string;
  /** The invitation link in it. */
  link: string;
}

/**
 * A real mail server that takes mail over STARTTLS alone, with a certificate of an authority made for this run. It refuses
 * `refused@…` for good and `later@…` for now.
 */
export class MailServer {
  private readonly mails: Mail[] = [];
  private readonly read = new Map<string, number>();

  private constructor(
    private readonly server: SMTPServer,
    private readonly authority: string,
  ) {}

  /** Starts one that keeps its authority's certificate in `folder`. */
  static async start(folder: string): Promise<MailServer> {
    const { authority, key, cert } = await certificates();
    const authorityFile = path.join(folder, 'authority.pem');
    await writeFile(authorityFile, authority);

    const server = new SMTPServer({
      key,
      cert,
      authOptional: true,
      disabledCommands: ['AUTH'],
      onMailFrom: (_, session, done) => done(session.secure ? undefined : reply(530, 'Must issue a STARTTLS command first')),
      onRcptTo: ({ address }, _, done) => {
        if (address.startsWith('refused@')) return done(reply(550, '5.1.1 No such person here'));
        if (address.startsWith('later@')) return done(reply(451, '4.7.1 Greylisted, come back later'));
        done();
      },
      onData: (stream, _, done) => {
        simpleParser(stream).then((mail) => {
          self.mails.push(readable(mail));
          done();
        }, done);
      },
    });
    const self = new MailServer(server, authorityFile);
    server.listen(0, '127.0.0.1');
    await once(server.server, 'listening');
    return self;
  }

  /** The settings that make Roster use it. */
  settings(): Record<string, string> {
    return {
      ROSTER_SMTP__HOST: 'localhost',
      ROSTER_SMTP__PORT: String((this.server.server.address() as AddressInfo).port),
      ROSTER_SMTP__TLS: 'starttls',
      ROSTER_SMTP__FROM: 'Roster <roster@example.org>',
      ROSTER_SMTP__CA_FILE: this.authority,
    };
  }

  /** The next mail to `address` that was not asked for yet; waits for it. */
  async to(address: string): Promise<Mail> {
    const until = Date.now() + 20_000;
    const number = this.read.get(address) ?? 0;
    while (Date.now() < until) {
      const mail = this.mails.filter((mail) => mail.to === address)[number];
      if (mail) {
        this.read.set(address, number + 1);
        return mail;
      }
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    throw new Error(`no mail number ${number + 1} came to ${address}`);
  }

  /** How many mails came to `address`. */
  count(address: string): number {
    return this.mails.filter((mail) => mail.to === address).length;
  }

  async stop(): Promise<void> {
    await new Promise<void>((resolve) => this.server.close(resolve));
  }
}

function reply(code: number, text: string): Error {
  return Object.assign(new Error(text), { responseCode: code });
}

function readable(mail: ParsedMail): Mail {
  const to = [mail.to].flat().flatMap((line) => line?.value ?? []);
  const text = mail.text ?? '';
  return {
    to: to[0]?.address ?? '',
    subject: mail.subject ?? '',
    text,
    html: mail.html || '',
    link: text.match(/https?:\/\/\S+\/i\/[\w-]+/)?.[0] ?? '',
  };
}

/** An authority, and a certificate for localhost that it signed. */
async function certificates(): Promise<{ authority: string; key: string; cert: string }> {
  const authority = await generate([{ name: 'commonName', value: 'Authority of this test run' }], {
    keyType: 'ec',
    algorithm: 'sha256',
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true },
    ],
  });
  const server = await generate([{ name: 'commonName', value: 'localhost' }], {
    keyType: 'ec',
    algorithm: 'sha256',
    ca: { key: authority.private, cert: authority.cert },
    extensions: [
      { name: 'basicConstraints', cA: false, critical: true },
      { name: 'keyUsage', digitalSignature: true, critical: true },
      { name: 'extKeyUsage', serverAuth: true },
      { name: 'subjectAltName', altNames: [{ type: 2, value: 'localhost' }, { type: 7, ip: '127.0.0.1' }] },
    ],
  });
  return { authority: authority.cert, key: server.private, cert: server.cert };
}
