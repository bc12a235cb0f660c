/** Hostile input, a lot of it. */
import { fuzzSuite } from "./fuzz-suite.ts";

fuzzSuite(30);
