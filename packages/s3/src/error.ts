/**
 * Every error the gateway answers with: its HTTP status and its words, in one table.
 * @see https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
 * @module
 */
import { CodedError } from "@cess/std/error";

export type S3ErrorCode =
  | "AccessDenied"
  | "AuthorizationHeaderMalformed"
  | "AuthorizationQueryParametersError"
  | "BadDigest"
  | "BadRequest"
  | "BucketAlreadyExists"
  | "BucketAlreadyOwnedByYou"
  | "BucketNotEmpty"
  | "EntityTooLarge"
  | "EntityTooSmall"
  | "IllegalLocationConstraintException"
  | "IncompleteBody"
  | "InternalError"
  | "InvalidAccessKeyId"
  | "InvalidArgument"
  | "InvalidBucketName"
  | "InvalidDigest"
  | "InvalidLocationConstraint"
  | "InvalidPart"
  | "InvalidPartNumber"
  | "InvalidPartOrder"
  | "InvalidRange"
  | "InvalidRequest"
  | "InvalidStorageClass"
  | "InvalidTag"
  | "InvalidURI"
  | "KeyTooLongError"
  | "MalformedTrailerError"
  | "MalformedXML"
  | "MetadataTooLarge"
  | "MethodNotAllowed"
  | "MissingContentLength"
  | "NoSuchBucket"
  | "NoSuchCORSConfiguration"
  | "NoSuchKey"
  | "NoSuchTagSet"
  | "NoSuchUpload"
  | "NotImplemented"
  | "NotModified"
  | "PreconditionFailed"
  | "RequestHeaderSectionTooLarge"
  | "RequestTimeTooSkewed"
  | "ServiceUnavailable"
  | "SignatureDoesNotMatch"
  | "SlowDown"
  | "XAmzContentSHA256Mismatch";

/** A record by code: a code without its row does not compile. */
const TABLE: Readonly<Record<S3ErrorCode, readonly [status: number, message: string]>> = {
  AccessDenied: [403, "Access Denied"],
  AuthorizationHeaderMalformed: [400, "The authorization header is malformed."],
  AuthorizationQueryParametersError: [400, "The authorization query parameters are malformed."],
  BadDigest: [400, "The Content-MD5 or checksum you specified did not match what was received."],
  BadRequest: [400, "The request is malformed."],
  BucketAlreadyExists: [409, "The requested bucket name is not available."],
  BucketAlreadyOwnedByYou: [409, "The bucket you tried to create already exists, and you own it."],
  BucketNotEmpty: [409, "The bucket you tried to delete is not empty."],
  EntityTooLarge: [400, "Your proposed upload exceeds the maximum allowed size."],
  EntityTooSmall: [400, "Your proposed upload is smaller than the minimum allowed size."],
  IllegalLocationConstraintException: [400, "The location constraint is not this region."],
  IncompleteBody: [400, "You did not provide the number of bytes that you announced."],
  InternalError: [500, "We encountered an internal error. Please try again."],
  InvalidAccessKeyId: [403, "The access key ID you provided does not exist in our records."],
  InvalidArgument: [400, "Invalid argument."],
  InvalidBucketName: [400, "The specified bucket is not valid."],
  InvalidDigest: [400, "The Content-MD5 you specified is not valid."],
  InvalidLocationConstraint: [400, "The specified location constraint is not valid."],
  InvalidPart: [400, "A part was not found, or its entity tag did not match."],
  InvalidPartNumber: [416, "The requested part number is not satisfiable."],
  InvalidPartOrder: [400, "The list of parts was not in ascending order."],
  InvalidRange: [416, "The requested range is not satisfiable."],
  InvalidRequest: [400, "Invalid request."],
  InvalidStorageClass: [400, "The storage class you specified is not valid."],
  InvalidTag: [400, "The tag provided was not a valid tag."],
  InvalidURI: [400, "Could not parse the specified URI."],
  KeyTooLongError: [400, "Your key is too long."],
  MalformedTrailerError: [400, "The request's chunks or trailing headers are not well-formed."],
  MalformedXML: [400, "The XML you provided was not well-formed or not of the expected form."],
  MetadataTooLarge: [400, "Your metadata headers exceed the maximum allowed metadata size."],
  MethodNotAllowed: [405, "The specified method is not allowed against this resource."],
  MissingContentLength: [411, "You must provide the Content-Length HTTP header."],
  NoSuchBucket: [404, "The specified bucket does not exist."],
  NoSuchCORSConfiguration: [404, "The CORS configuration does not exist."],
  NoSuchKey: [404, "The specified key does not exist."],
  NoSuchTagSet: [404, "The TagSet does not exist."],
  NoSuchUpload: [404, "The specified multipart upload does not exist."],
  NotImplemented: [501, "This operation is not implemented."],
  NotModified: [304, "Not Modified"],
  PreconditionFailed: [412, "At least one of the preconditions you specified did not hold."],
  RequestHeaderSectionTooLarge: [400, "Your request header section exceeds the allowed size."],
  RequestTimeTooSkewed: [403, "The difference between the request time and ours is too large."],
  ServiceUnavailable: [503, "The network cannot serve this request now. Please try again."],
  SignatureDoesNotMatch: [403, "The request signature we calculated does not match yours."],
  SlowDown: [503, "Please reduce your request rate."],
  XAmzContentSHA256Mismatch: [400, "The 'x-amz-content-sha256' header does not match the body."],
};

export interface S3ErrorDetail {
  readonly code: S3ErrorCode;
  /** More elements for the error document, such as `BucketName`. */
  readonly fields?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A refusal that the client is told about. */
export class S3Error extends CodedError<S3ErrorDetail> {
  constructor(detail: S3ErrorDetail, message?: string, options?: ErrorOptions) {
    super(detail, message ?? TABLE[detail.code][1], options);
  }

  get status(): number {
    return TABLE[this.detail.code][0];
  }
}

/** Shorthand for an error without fields. */
export function s3Error(code: S3ErrorCode, message?: string): S3Error {
  return new S3Error({ code }, message);
}

/** An argument that S3 names in its answer. */
export function invalidArgument(name: string, value: string, message?: string): S3Error {
  const fields = { ArgumentName: name, ArgumentValue: value.slice(0, 200) };
  return new S3Error({ code: "InvalidArgument", fields }, message ?? `Invalid ${name}.`);
}
