/** Opens the embedded store in the folder given and commits row after row, printing each number once it is acknowledged. */
import { sql } from "slonik";
import { z } from "zod";
import { openStore } from "../../src/store/store.ts";

const store = await openStore({ url: null, dataDir: process.argv[2] as string });
for (let i = 1; ; i++) {
  await store.rows(sql.type(z.unknown())`INSERT INTO equity_points VALUES (${i}, 1)`);
  process.stdout.write(`${i}\n`);
}
