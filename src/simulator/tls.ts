/** The certificate and key of a simulator that is reached by https and wss only. Read once, at the start. */
import { readFileSync } from "node:fs";
import { createSecureContext } from "node:tls";
import { CodedError } from "../core/errors.ts";
import type { SimulatorConfig } from "./config.ts";

export interface TlsFiles {
  /** PEM. */
  readonly cert: Buffer;
  /** PEM. */
  readonly key: Buffer;
}

/** Null where plain http is spoken. Throws `SIMULATOR_CONFIG` naming the file that is missing, unreadable or no match. */
export function readTls({ tlsCertificateFile, tlsKeyFile }: SimulatorConfig): TlsFiles | null {
  if (tlsCertificateFile === null && tlsKeyFile === null) return null;
  if (tlsCertificateFile === null) throw fault("tlsCertificateFile", "needed where tlsKeyFile is given");
  if (tlsKeyFile === null) throw fault("tlsKeyFile", "needed where tlsCertificateFile is given");
  const tls = { cert: read("tlsCertificateFile", tlsCertificateFile), key: read("tlsKeyFile", tlsKeyFile) };
  try {
    createSecureContext(tls);
  } catch (error) {
    throw fault("tlsCertificateFile", `no PEM certificate that fits the key: ${(error as Error).message}`);
  }
  return tls;
}

function read(field: string, file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw fault(field, (error as Error).message);
  }
}

function fault(field: string, message: string): CodedError {
  return new CodedError("SIMULATOR_CONFIG", `${field}: ${message}`, { field });
}
