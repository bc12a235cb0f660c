/** A data message on its way to whoever wants it. Pure. */
import type { Instrument } from "../../../core/market/instrument.ts";
import type { MessageShape } from "../message/message-shape.ts";
import type { DataChannel } from "./endpoint.ts";

/** `Value` is what the shape describes. */
export interface StreamMessage<Value> {
  readonly channel: DataChannel;
  readonly instrument: Instrument;
  readonly shape: MessageShape<Value>;
  readonly value: Value;
  /** Of what it tells, epoch microseconds. */
  readonly timeUs: number;
}

/** A message whose shape and value fit together, which is all that those who pass it on need to know. */
export type AnyMessage = StreamMessage<never>;

export function sealed<Value>(message: StreamMessage<Value>): AnyMessage {
  return message as unknown as AnyMessage;
}
