/**
 * The cluster's own certificate authorities, certificates and kubeconfig files, made by openssl for a year. Elliptic keys,
 * because all of them together take a second.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { must } from "./command.ts";
import { API_ADDRESS, API_PORT, API_SERVICE_ADDRESS, nodeAddress, nodeName } from "./addresses.ts";

const DAYS = "365";
const NEW_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];

interface Certificate {
  readonly name: string;
  readonly subject: string;
  readonly authority: "ca" | "front-proxy-ca";
  readonly usage: "clientAuth" | "serverAuth";
  readonly hosts?: string;
}

const ADMIN = { subject: "/O=system:masters/CN=kubernetes-admin", usage: "clientAuth", authority: "ca" } as const;

function certificates(nodeCount: number): Certificate[] {
  const client = (name: string, subject: string): Certificate => ({
    name,
    subject,
    authority: "ca",
    usage: "clientAuth",
  });
  const server = (name: string, subject: string, hosts: string): Certificate => ({
    name,
    subject,
    hosts,
    authority: "ca",
    usage: "serverAuth",
  });
  const service =
    "kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,DNS:kubernetes.default.svc.cluster.local";
  const apiHosts = `DNS:localhost,DNS:${service},IP:127.0.0.1,IP:${API_SERVICE_ADDRESS},IP:${API_ADDRESS}`;
  const list = [
    { name: "admin", ...ADMIN },
    server("apiserver", "/CN=kube-apiserver", apiHosts),
    client("apiserver-kubelet-client", "/O=system:masters/CN=kube-apiserver-kubelet-client"),
    { ...client("front-proxy-client", "/CN=front-proxy-client"), authority: "front-proxy-ca" as const },
    client("controller-manager", "/CN=system:kube-controller-manager"),
    client("scheduler", "/CN=system:kube-scheduler"),
    client("kube-proxy", "/CN=system:kube-proxy"),
    client("metrics-server", "/CN=metrics-server"),
    server("metrics-server-tls", "/CN=metrics-server", "DNS:localhost,IP:127.0.0.1"),
  ];
  for (let node = 1; node <= nodeCount; node++) {
    const subject = `/O=system:nodes/CN=system:node:${nodeName(node)}`;
    list.push(client(nodeName(node), subject));
    list.push(server(`${nodeName(node)}-tls`, subject, `DNS:${nodeName(node)},IP:${nodeAddress(node)}`));
  }
  return list;
}

/** Writes every key and certificate into `folder`. */
export async function makeCertificates(folder: string, nodeCount: number): Promise<void> {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  for (const name of ["ca", "front-proxy-ca"]) await makeAuthority(folder, name);
  const key = join(folder, "service-account.key");
  await must("openssl", ["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", key]);
  await must("openssl", ["pkey", "-in", key, "-pubout", "-out", join(folder, "service-account.pub")]);
  for (const certificate of certificates(nodeCount)) await makeCertificate(folder, certificate);
}

async function makeAuthority(folder: string, name: string): Promise<void> {
  const files = ["-keyout", join(folder, `${name}.key`), "-out", join(folder, `${name}.crt`)];
  const usage = ["-addext", "keyUsage=critical,digitalSignature,keyCertSign,cRLSign"];
  await must("openssl", ["req", "-x509", ...NEW_KEY, "-subj", `/CN=${name}`, "-days", DAYS, ...usage, ...files]);
}

async function makeCertificate(folder: string, { name, subject, authority, usage, hosts }: Certificate): Promise<void> {
  const path = (file: string) => join(folder, file);
  const request = ["-subj", subject, "-keyout", path(`${name}.key`), "-out", path(`${name}.csr`)];
  await must("openssl", ["req", "-new", ...NEW_KEY, ...request]);
  const extensions = [`keyUsage=critical,digitalSignature`, `extendedKeyUsage=${usage}`];
  if (hosts !== undefined) extensions.push(`subjectAltName=${hosts}`);
  writeFileSync(path(`${name}.ext`), `${extensions.join("\n")}\n`);
  const signer = ["-CA", path(`${authority}.crt`), "-CAkey", path(`${authority}.key`), "-CAcreateserial"];
  const files = ["-in", path(`${name}.csr`), "-extfile", path(`${name}.ext`), "-out", path(`${name}.crt`)];
  await must("openssl", ["x509", "-req", ...signer, "-days", DAYS, ...files]);
}

/** A kubeconfig file with the certificates in it, readable by its owner alone. */
export function writeKubeconfig(file: string, pki: string, user: string, server: string): void {
  const encoded = (name: string) => readFileSync(join(pki, name)).toString("base64");
  const config = {
    apiVersion: "v1",
    kind: "Config",
    "current-context": "test-cluster",
    clusters: [{ name: "test-cluster", cluster: { server, "certificate-authority-data": encoded("ca.crt") } }],
    users: [
      {
        name: user,
        user: { "client-certificate-data": encoded(`${user}.crt`), "client-key-data": encoded(`${user}.key`) },
      },
    ],
    contexts: [{ name: "test-cluster", context: { cluster: "test-cluster", user } }],
  };
  writeFileSync(file, `${JSON.stringify(config, null, 2)}\n`, { mode: 0o600 });
}

/** The API server as programs inside the cluster's network reach it. */
export const INNER_SERVER = `https://${API_ADDRESS}:${API_PORT}`;
