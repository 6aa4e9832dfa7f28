import { concatBytes } from "@cess/std/bytes";
import { ApiError } from "@cess/storage-wire/api-error";
import { FRAME_PREFIX_BYTES, frameHeadBytes } from "@cess/storage-wire/frame";

/**
 * Reads `u32be length ‖ head` off a stream and leaves the rest to be streamed on.
 *
 * @throws ApiError `BODY_TOO_LARGE` if the head is above `headBytesMax`, `BODY_TRUNCATED` if the
 *   stream ends in it.
 */
export async function splitHead(
  body: AsyncIterable<Uint8Array>,
  headBytesMax: number,
): Promise<{ readonly head: Uint8Array; readonly rest: AsyncIterable<Uint8Array> }> {
  const chunks = body[Symbol.asyncIterator]();
  let taken: Uint8Array = new Uint8Array();
  const take = async (sizeBytes: number): Promise<void> => {
    while (taken.length < sizeBytes) {
      const { done, value } = await chunks.next();
      if (done) throw new ApiError("BODY_TRUNCATED", "the body ends in its head");
      taken = concatBytes(taken, value);
    }
  };
  await take(FRAME_PREFIX_BYTES);
  const headBytes = frameHeadBytes(taken);
  if (headBytes > headBytesMax) {
    throw new ApiError("BODY_TOO_LARGE", `a head has at most ${headBytesMax} bytes`);
  }
  const end = FRAME_PREFIX_BYTES + headBytes;
  await take(end);
  return {
    head: taken.subarray(FRAME_PREFIX_BYTES, end),
    rest: after(taken.subarray(end), chunks),
  };
}

async function* after(
  first: Uint8Array,
  chunks: AsyncIterator<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  if (first.length > 0) yield first;
  for (;;) {
    const { done, value } = await chunks.next();
    if (done) return;
    yield value;
  }
}
