import { ListObjectsV2Command } from "@aws-sdk/client-s3";
import type { ListedObject } from "../object-store.js";
import { type Bucket, callStore } from "./s3-bucket.js";

/** Objects of one answer: S3's own most. */
const PAGE_SIZE = 1_000;

/** Every object below a folder, a page at a time. */
export async function* listBucket(bucket: Bucket, folder: string): AsyncGenerator<ListedObject> {
  const { client, settings } = bucket;
  const call = { action: "list", key: folder };
  let after: string | undefined;
  do {
    const command = new ListObjectsV2Command({
      Bucket: settings.bucket,
      Prefix: `${settings.prefix}${folder}/`,
      MaxKeys: PAGE_SIZE,
      ...(after !== undefined && { ContinuationToken: after }),
    });
    const page = await callStore(bucket, call, (options) => client.send(command, options));
    for (const { Key: name, Size: size, LastModified: modified } of page.Contents ?? []) {
      // Some servers list folders as objects of no bytes.
      if (name === undefined || name.endsWith("/")) continue;
      yield {
        key: name.slice(settings.prefix.length),
        size: size ?? 0,
        modifiedMs: modified?.getTime() ?? 0,
      };
    }
    after = page.IsTruncated === true ? page.NextContinuationToken : undefined;
  } while (after !== undefined);
}
