import { after, before } from "node:test";
import { CreateBucketCommand, type S3Client } from "@aws-sdk/client-s3";
import { startTestGateway, type TestGateway, type TestGatewayOptions } from "./test-gateway.ts";

export interface SharedGateway {
  readonly setup: TestGateway;
  readonly client: S3Client;
}

/** One gateway with an empty bucket `bucket` for all tests of a file. */
export function shareGateway(options: TestGatewayOptions = {}): SharedGateway {
  let setup: TestGateway | undefined;
  let client: S3Client | undefined;
  before(async () => {
    setup = await startTestGateway(options);
    client = setup.client;
    await client.send(new CreateBucketCommand({ Bucket: "bucket" }));
  });
  after(() => setup?.[Symbol.asyncDispose]());
  return {
    get setup() {
      return setup as TestGateway;
    },
    get client() {
      return client as S3Client;
    },
  };
}
