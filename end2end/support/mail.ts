import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { simpleParser, type ParsedMail } from 'mailparser';
import { SMTPServer } from 'smtp-server';
import { certified, writeAuthority } from './certificates';

/** A mail as the person reads it. */
export interface Mail {
  to: string;
  subject: string;
  text: string;
  html: string;
  /** The link in it that carries a token: of an invitation, to choose a new password, or of a change of address. */
  link: string;
}

/**
 * A real mail server that takes mail over STARTTLS alone, with a certificate of an authority made for this run. It refuses
 * `refused@…` for good and `later@…` for now.
 */
export class MailServer {
  /** The words with which it refuses `refused@…`. */
  refusal = '5.1.1 No such person here';
  private readonly mails: Mail[] = [];
  private readonly read = new Set<Mail>();

  private constructor(
    private readonly server: SMTPServer,
    private readonly authority: string,
  ) {}

  /** Starts one that keeps its authority's certificate in `folder`. */
  static async start(folder: string): Promise<MailServer> {
    const authorityFile = await writeAuthority(folder);
    const server = new SMTPServer({
      ...(await certified()),
      authOptional: true,
      disabledCommands: ['AUTH'],
      onMailFrom: (_, session, done) => done(session.secure ? undefined : reply(530, 'Must issue a STARTTLS command first')),
      onRcptTo: ({ address }, _, done) => {
        if (address.startsWith('refused@')) return done(reply(550, self.refusal));
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

  /** The next mail to `address`, perhaps of a certain subject, that was not asked for yet; waits for it. */
  async to(address: string, subject = /^/): Promise<Mail> {
    const until = Date.now() + 20_000;
    while (Date.now() < until) {
      const mail = this.mails.find((mail) => mail.to === address && subject.test(mail.subject) && !this.read.has(mail));
      if (mail) {
        this.read.add(mail);
        return mail;
      }
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    throw new Error(`no further mail came to ${address}`);
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
    link: text.match(/https?:\/\/\S+\/[eir]\/[\w-]+/)?.[0] ?? '',
  };
}
