import { Readable } from "node:stream";
import {
  GetObjectCommand,
  PutObjectCommand,
  S3Client,
  type S3ClientConfig,
  S3ServiceException,
} from "@aws-sdk/client-s3";
import { content, hashOf } from "./content.ts";
import type { Ready } from "./network.ts";
import { type Ended, run } from "./process.ts";

/** A client that never tries again by itself: what the gateway gets wrong must show. */
export function createS3({ s3 }: Pick<Ready, "s3">, options: S3ClientConfig = {}): S3Client {
  const { endpoint, region, accessKeyId, secretAccessKey } = s3;
  const credentials = { accessKeyId, secretAccessKey };
  return new S3Client({
    endpoint,
    region,
    credentials,
    forcePathStyle: true,
    maxAttempts: 1,
    ...options,
  });
}

export interface ObjectName {
  readonly Bucket: string;
  readonly Key: string;
}

/** Name of an error document, and its status. */
export interface Refusal {
  readonly name: string;
  readonly status: number;
}

/** What the gateway says to a request that it must refuse. */
export async function refusalOf(request: Promise<unknown>): Promise<Refusal> {
  try {
    await request;
  } catch (cause) {
    if (!(cause instanceof S3ServiceException)) throw cause;
    return { name: cause.name, status: cause.$metadata.httpStatusCode ?? 0 };
  }
  throw new Error("the request was not refused");
}

/** Puts the content of `seed` in one streaming request. */
export async function putContent(
  s3: S3Client,
  name: ObjectName,
  { seed, sizeBytes }: { readonly seed: string; readonly sizeBytes: number },
): Promise<void> {
  const Body = Readable.from(content(seed, sizeBytes));
  await s3.send(new PutObjectCommand({ ...name, Body, ContentLength: sizeBytes }));
}

/** Reads an object whole and gives its bytes. */
export async function getBytes(s3: S3Client, name: ObjectName, Range?: string): Promise<Buffer> {
  const { Body } = await s3.send(new GetObjectCommand({ ...name, ...(Range ? { Range } : {}) }));
  return Buffer.from((await Body?.transformToByteArray()) ?? []);
}

/** Streams an object and gives the SHA-256 of its bytes. */
export async function getHash(s3: S3Client, name: ObjectName): Promise<string> {
  const { Body } = await s3.send(new GetObjectCommand(name));
  return hashOf(Body as Readable);
}

/** Runs the AWS command line against the gateway, with no settings but these. */
export async function aws(
  { s3 }: Pick<Ready, "s3">,
  args: readonly string[],
  timeoutMs = 300_000,
): Promise<Ended> {
  const env = {
    AWS_ACCESS_KEY_ID: s3.accessKeyId,
    AWS_SECRET_ACCESS_KEY: s3.secretAccessKey,
    AWS_DEFAULT_REGION: s3.region,
    AWS_MAX_ATTEMPTS: "1",
    AWS_CONFIG_FILE: "/dev/null",
    AWS_SHARED_CREDENTIALS_FILE: "/dev/null",
    AWS_EC2_METADATA_DISABLED: "true",
  };
  return run("aws", ["--endpoint-url", s3.endpoint, ...args], { env, timeoutMs });
}
