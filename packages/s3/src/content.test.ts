import assert from "node:assert/strict";
import { test } from "node:test";
import { CreateBucketCommand, HeadObjectCommand, PutObjectCommand } from "@aws-sdk/client-s3";
import { StorageClientError } from "@cess/storage-client/error";
import type { FileStore } from "@cess/storage-client/file-store";
import { createMemoryNetwork } from "./testing/memory-file-store.ts";
import { startTestGateway } from "./testing/test-gateway.ts";

test("what the territory does not take is refused, not acknowledged", async () => {
  const network = createMemoryNetwork();
  const fileStore: FileStore = {
    ...network.fileStore,
    async writeSmall(_body, { territory }) {
      const reason = "it has no space left";
      throw new StorageClientError({ code: "TERRITORY_REFUSED", territory, reason });
    },
  };
  await using setup = await startTestGateway({ network: { ...network, fileStore } });
  const { client } = setup;
  const address = { Bucket: "bucket", Key: "k" };
  await client.send(new CreateBucketCommand({ Bucket: "bucket" }));
  const put = client.send(new PutObjectCommand({ ...address, Body: "x" }));
  await assert.rejects(put, { name: "AccessDenied", message: /no space left/ });
  await assert.rejects(client.send(new HeadObjectCommand(address)), { name: "NotFound" });
});
