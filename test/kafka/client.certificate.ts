import { generateKeyPairSync, sign } from 'node:crypto';

/** What a client shows to say who it is, in PEM. */
export interface ClientCertificate {
  readonly cert: string;
  readonly key: string;
}

const DAY_MS = 86_400_000;

/** The tags of DER, as far as a certificate of the first version needs them. */
const [INTEGER, BIT_STRING, OBJECT_ID, UTF8_TEXT, UTC_TIME, SEQUENCE, SET] = [2, 3, 6, 12, 23, 48, 49];

/** As object ids are written in DER. */
const ECDSA_WITH_SHA256 = '2a8648ce3d040302';
const COMMON_NAME = '550403';

/** Makes a key pair and a certificate that vouches for itself, good for two days. Node has no function for that. */
export function makeClientCertificate(name: string): ClientCertificate {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  const algorithm = der(SEQUENCE, der(OBJECT_ID, Buffer.from(ECDSA_WITH_SHA256, 'hex')));
  const who = der(
    SEQUENCE,
    der(
      SET,
      der(SEQUENCE, der(OBJECT_ID, Buffer.from(COMMON_NAME, 'hex')), der(UTF8_TEXT, Buffer.from(name))),
    ),
  );
  const validity = der(SEQUENCE, instant(Date.now() - DAY_MS), instant(Date.now() + DAY_MS));
  const spki = publicKey.export({ type: 'spki', format: 'der' });
  const content = der(SEQUENCE, der(INTEGER, Buffer.of(1)), algorithm, who, validity, who, spki);
  const signature = der(BIT_STRING, Buffer.of(0), sign('sha256', content, privateKey));
  return {
    cert: pem(der(SEQUENCE, content, algorithm, signature)),
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  };
}

function instant(ms: number): Buffer {
  const digits = new Date(ms).toISOString().replaceAll(/\D/gu, '').slice(2, 14);
  return der(UTC_TIME, Buffer.from(`${digits}Z`));
}

function der(tag: number | undefined, ...parts: readonly Buffer[]): Buffer {
  const content = Buffer.concat(parts);
  const { length } = content;
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.of(tag ?? 0, ...size), content]);
}

function pem(certificate: Buffer): string {
  const lines = certificate.toString('base64').match(/.{1,64}/gu) ?? [];
  return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n');
}
