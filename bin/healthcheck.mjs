/**
 * Asks the bot in the same container for its health; exits with 0 when it is well and 1 otherwise. Plain JavaScript, so
 * that the container needs no other program for it.
 */
const DEADLINE_MS = 2500;

/** An address that listens everywhere is reached through the loopback address. */
function host(address) {
  if (address === undefined || address === "" || address === "0.0.0.0") return "127.0.0.1";
  if (address === "::") return "[::1]";
  return address.includes(":") ? `[${address}]` : address;
}

const url = `http://${host(process.env.BIND_ADDRESS)}:${process.env.API_PORT || 8000}/health`;
try {
  const answer = await fetch(url, { signal: AbortSignal.timeout(DEADLINE_MS) });
  if (!answer.ok) throw new Error(`${url} answered ${answer.status}`);
} catch (error) {
  console.error(error.message);
  process.exit(1);
}
