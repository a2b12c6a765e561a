import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { generate } from 'selfsigned';

/** A key with its certificate, both PEM. */
export interface Certified {
  key: string;
  cert: string;
}

let made: Promise<Certified> | undefined;

/** The authority of this run: whoever trusts it trusts the mail server and the identity providers. */
function authority(): Promise<Certified> {
  made ??= generate([{ name: 'commonName', value: 'Authority of this test run' }], {
    keyType: 'ec',
    algorithm: 'sha256',
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true },
    ],
  }).then((made) => ({ key: made.private, cert: made.cert }));
  return made;
}

/** Writes the authority's certificate into `folder`, and answers the name of the file. */
export async function writeAuthority(folder: string): Promise<string> {
  const file = path.join(folder, 'authority.pem');
  await writeFile(file, (await authority()).cert);
  return file;
}

/** A key and a certificate for localhost that the authority signed. */
export async function certified(): Promise<Certified> {
  const server = await generate([{ name: 'commonName', value: 'localhost' }], {
    keyType: 'ec',
    algorithm: 'sha256',
    ca: await authority(),
    extensions: [
      { name: 'basicConstraints', cA: false, critical: true },
      { name: 'keyUsage', digitalSignature: true, critical: true },
      { name: 'extKeyUsage', serverAuth: true },
      { name: 'subjectAltName', altNames: [{ type: 2, value: 'localhost' }, { type: 7, ip: '127.0.0.1' }] },
    ],
  });
  return { key: server.private, cert: server.cert };
}
