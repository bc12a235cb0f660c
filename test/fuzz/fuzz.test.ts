/** Hostile input, as much of it as a run of the whole suite can afford. */
import { fuzzSuite } from "./fuzz-suite.ts";

fuzzSuite(1);
