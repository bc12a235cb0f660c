/**
 * `npm run docs`: writes the documents that are made from code: the configuration's keys, its JSON Schema, and the command
 * line. A test fails while they are stale.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { generatedDocuments } from "./generated-documents.ts";

const ROOT = join(import.meta.dirname, "..");

for (const [file, text] of generatedDocuments()) {
  writeFileSync(join(ROOT, file), text);
  console.log(file);
}
