/**
 * What a stream can be hashed with. Every hash is spelled in lower-case hex, a CRC most significant byte first. Only
 * sha256 and sha512 name content; the others are what protocols ask for: ETags and the checksums of S3.
 */
export type HashAlgorithm = 'md5' | 'sha1' | 'sha256' | 'sha512' | CrcAlgorithm;

export type CrcAlgorithm = 'crc32' | 'crc32c' | 'crc64nvme';
