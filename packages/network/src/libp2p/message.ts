/**
 * One message each way on a stream: its end is the end of the sender's half.
 * @module
 */
import type { Stream, StreamMessageEvent } from "@libp2p/interface";

/** Small enough that other streams of the connection get their turn. */
const CHUNK_BYTES = 64 * 1024;

/**
 * Reads until the peer closes its half.
 *
 * Rejects if the stream breaks, if `signal` aborts, or if more than `sizeBytesMax` bytes come.
 */
export function receiveMessage(
  stream: Stream,
  sizeBytesMax: number,
  signal: AbortSignal,
): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const chunks: Uint8Array[] = [];
    let sizeBytes = 0;
    const onMessage = ({ data }: StreamMessageEvent) => {
      sizeBytes += data.byteLength;
      if (sizeBytes > sizeBytesMax) return fail(new RangeError(`over ${sizeBytesMax} bytes`));
      chunks.push(data.subarray());
    };
    const onEnd = () => {
      release();
      resolve(new Uint8Array(Buffer.concat(chunks, sizeBytes)));
    };
    const onClose = (event: Event & { readonly error?: Error }) => {
      if (event.error === undefined) onEnd();
      else fail(event.error);
    };
    const onAbort = () => fail(signal.reason);
    const release = () => {
      stream.removeEventListener("message", onMessage);
      stream.removeEventListener("end", onEnd);
      stream.removeEventListener("close", onClose);
      signal.removeEventListener("abort", onAbort);
    };
    const fail = (cause: unknown) => {
      release();
      reject(cause);
    };
    if (signal.aborted) return fail(signal.reason);
    if (stream.readableEnded) return onEnd();
    stream.addEventListener("end", onEnd);
    stream.addEventListener("close", onClose);
    stream.addEventListener("message", onMessage);
    signal.addEventListener("abort", onAbort);
  });
}

/** Sends all of `message` at the pace of the receiver, then closes our half. */
export async function sendMessage(
  stream: Stream,
  message: Uint8Array,
  signal: AbortSignal,
): Promise<void> {
  for (let offset = 0; offset < message.length; offset += CHUNK_BYTES) {
    const hasRoom = stream.send(message.subarray(offset, offset + CHUNK_BYTES));
    if (!hasRoom) await stream.onDrain({ signal });
  }
  await stream.close({ signal });
}
