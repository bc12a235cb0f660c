/** An image with a shell and small network tools, made of Debian's static busybox: for tests of the cluster itself. */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { writeImageArchive } from "../../../scripts/cluster/image-archive.ts";
import type { Cluster } from "./cluster.ts";

export const SHELL_IMAGE = "localhost/test-shell:1";

const BUSYBOX = "/bin/busybox";

/** Why there can be no such image here, or null. */
export function whyNoShell(): string | null {
  return existsSync(BUSYBOX) ? null : "busybox is not installed (Debian: busybox-static)";
}

export async function loadShellImage(cluster: Cluster): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "bot-test-image-"));
  try {
    const archive = join(folder, "shell.tar");
    await writeImageArchive(archive, SHELL_IMAGE, BUSYBOX, "1000:1000");
    await cluster.loadImage(archive);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** A pod of that image that waits for commands and serves its name on port 8080, at the restricted profile. */
export function shellPod(name: string, extra: { labels?: Record<string, string>; node?: string; claim?: string } = {}) {
  const { labels = {}, node, claim } = extra;
  const serve = `echo ${name} serves; mkdir -p /tmp/www && echo ${name} >/tmp/www/index.html && exec /busybox httpd -f -p 8080 -h /tmp/www`;
  const volumes: object[] = [{ name: "tmp", emptyDir: {} }];
  const volumeMounts: object[] = [{ name: "tmp", mountPath: "/tmp" }];
  if (claim !== undefined) {
    volumes.push({ name: "data", persistentVolumeClaim: { claimName: claim } });
    volumeMounts.push({ name: "data", mountPath: "/data" });
  }
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, labels: { ...labels, pod: name } },
    spec: {
      ...(node === undefined ? {} : { nodeSelector: { "kubernetes.io/hostname": node } }),
      terminationGracePeriodSeconds: 1,
      enableServiceLinks: false,
      securityContext: { runAsNonRoot: true, fsGroup: 1000, seccompProfile: { type: "RuntimeDefault" } },
      containers: [
        {
          name: "shell",
          image: SHELL_IMAGE,
          imagePullPolicy: "Never",
          command: [
            "/busybox",
            "sh",
            "-c",
            `export PATH=/tmp/bin; /busybox mkdir -p /tmp/bin && /busybox --install -s /tmp/bin; ${serve}`,
          ],
          ports: [{ name: "web", containerPort: 8080 }],
          readinessProbe: { httpGet: { path: "/", port: "web" }, periodSeconds: 1 },
          resources: { requests: { cpu: "10m", memory: "8Mi" }, limits: { cpu: "200m", memory: "64Mi" } },
          securityContext: {
            allowPrivilegeEscalation: false,
            readOnlyRootFilesystem: true,
            capabilities: { drop: ["ALL"] },
          },
          volumeMounts,
        },
      ],
      volumes,
    },
  };
}
