/** A certificate for 127.0.0.1 and localhost that signs itself, made without any tool: DER (ITU-T X.690) by hand, RFC 5280. */
import { createPrivateKey, generateKeyPairSync, randomBytes, sign } from "node:crypto";

export interface SelfSigned {
  /** PEM. */
  readonly certificate: string;
  /** PEM, PKCS #8. */
  readonly key: string;
}

const INTEGER = 0x02;
const BIT_STRING = 0x03;
const OCTET_STRING = 0x04;
const OBJECT_IDENTIFIER = 0x06;
const UTF8_STRING = 0x0c;
const UTC_TIME = 0x17;
const GENERALIZED_TIME = 0x18;
const SEQUENCE = 0x30;
const SET = 0x31;
const EXPLICIT_0 = 0xa0;
const EXPLICIT_3 = 0xa3;
const DNS_NAME = 0x82;
const IP_ADDRESS = 0x87;

const COMMON_NAME = der(OBJECT_IDENTIFIER, Buffer.from("550403", "hex"));
const SUBJECT_ALT_NAME = der(OBJECT_IDENTIFIER, Buffer.from("551d11", "hex"));
const ECDSA_WITH_SHA256 = der(SEQUENCE, der(OBJECT_IDENTIFIER, Buffer.from("2a8648ce3d040302", "hex")));
const VERSION_3 = der(EXPLICIT_0, der(INTEGER, Buffer.from([2])));

export function selfSigned(): SelfSigned {
  const { privateKey, publicKey } = generateKeyPairSync("ec", {
    namedCurve: "P-256",
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
    publicKeyEncoding: { type: "spki", format: "der" },
  });
  const name = der(SEQUENCE, der(SET, der(SEQUENCE, COMMON_NAME, der(UTF8_STRING, Buffer.from("simulator")))));
  const validity = der(
    SEQUENCE,
    der(UTC_TIME, Buffer.from("000101000000Z")),
    der(GENERALIZED_TIME, Buffer.from("20991231235959Z")),
  );
  const names = der(SEQUENCE, der(DNS_NAME, Buffer.from("localhost")), der(IP_ADDRESS, Buffer.from([127, 0, 0, 1])));
  const extensions = der(EXPLICIT_3, der(SEQUENCE, der(SEQUENCE, SUBJECT_ALT_NAME, der(OCTET_STRING, names))));
  const serial = der(INTEGER, Buffer.concat([Buffer.from([1]), randomBytes(8)]));
  const body = der(SEQUENCE, VERSION_3, serial, ECDSA_WITH_SHA256, name, validity, name, publicKey, extensions);
  const signature = sign("sha256", body, createPrivateKey(privateKey));
  const certificate = der(SEQUENCE, body, ECDSA_WITH_SHA256, der(BIT_STRING, Buffer.from([0]), signature));
  return { certificate: pem(certificate), key: privateKey };
}

/** Tag, length, contents. */
function der(tag: number, ...contents: readonly Buffer[]): Buffer {
  const body = Buffer.concat(contents);
  const length =
    body.length < 0x80
      ? [body.length]
      : body.length < 0x100
        ? [0x81, body.length]
        : [0x82, body.length >> 8, body.length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...length]), body]);
}

function pem(certificate: Buffer): string {
  const lines = certificate.toString("base64").match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`;
}
