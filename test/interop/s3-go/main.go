// What programs do with the AWS SDK for Go. Arguments: the URL of the server, and "path" or "host", as buckets are named.
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
)

const partBytes = 5 << 20

func main() {
	url, style := os.Args[1], os.Args[2]
	ctx := context.Background()
	settings, err := config.LoadDefaultConfig(ctx)
	must(err)
	client := s3.NewFromConfig(settings, func(options *s3.Options) {
		options.BaseEndpoint = aws.String(url)
		options.UsePathStyle = style == "path"
	})
	run(ctx, client, aws.String("go-"+style))
}

func run(ctx context.Context, client *s3.Client, bucket *string) {
	must1(client.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: bucket}))

	key := aws.String("a b+c/ü")
	must1(client.PutObject(ctx, &s3.PutObjectInput{
		Bucket: bucket, Key: key, Body: bytes.NewReader([]byte("one")), Metadata: map[string]string{"name": "value"},
	}))
	got := must1(client.GetObject(ctx, &s3.GetObjectInput{Bucket: bucket, Key: key, ChecksumMode: types.ChecksumModeEnabled}))
	check(string(must1(io.ReadAll(got.Body))) == "one" && got.Metadata["name"] == "value", "the object came back otherwise")
	_, err := client.PutObject(ctx, &s3.PutObjectInput{
		Bucket: bucket, Key: key, Body: bytes.NewReader([]byte("two")), IfNoneMatch: aws.String("*"),
	})
	check(codeOf(err) == "PreconditionFailed", "an object was replaced that should not be")
	_, err = client.GetObject(ctx, &s3.GetObjectInput{Bucket: bucket, Key: aws.String("none")})
	var missing *types.NoSuchKey
	check(errors.As(err, &missing), "a missing key is not NoSuchKey")

	large := bytes.Repeat([]byte("0123456789abcdef"), partBytes/8)
	upload := must1(client.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{Bucket: bucket, Key: aws.String("large")}))
	var parts []types.CompletedPart
	for start, number := 0, int32(1); start < len(large); start, number = start+partBytes, number+1 {
		part := must1(client.UploadPart(ctx, &s3.UploadPartInput{
			Bucket: bucket, Key: aws.String("large"), UploadId: upload.UploadId, PartNumber: aws.Int32(number),
			Body: bytes.NewReader(large[start:min(start+partBytes, len(large))]),
		}))
		parts = append(parts, types.CompletedPart{ETag: part.ETag, PartNumber: aws.Int32(number), ChecksumCRC32: part.ChecksumCRC32})
	}
	must1(client.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{
		Bucket: bucket, Key: aws.String("large"), UploadId: upload.UploadId,
		MultipartUpload: &types.CompletedMultipartUpload{Parts: parts},
	}))
	must1(client.CopyObject(ctx, &s3.CopyObjectInput{
		Bucket: bucket, Key: aws.String("copy"), CopySource: aws.String(*bucket + "/large"),
	}))
	ranged := must1(client.GetObject(ctx, &s3.GetObjectInput{Bucket: bucket, Key: aws.String("copy"), Range: aws.String("bytes=5242878-5242881")}))
	check(bytes.Equal(must1(io.ReadAll(ranged.Body)), large[partBytes-2:partBytes+2]), "a range came back otherwise")

	for number := range 25 {
		must1(client.PutObject(ctx, &s3.PutObjectInput{
			Bucket: bucket, Key: aws.String(fmt.Sprintf("list/%02d", number)), Body: bytes.NewReader([]byte("x")),
		}))
	}
	pages := s3.NewListObjectsV2Paginator(client, &s3.ListObjectsV2Input{
		Bucket: bucket, Prefix: aws.String("list/"), MaxKeys: aws.Int32(10),
	})
	listed := 0
	for pages.HasMorePages() {
		listed += len(must1(pages.NextPage(ctx)).Contents)
	}
	check(listed == 25, fmt.Sprintf("%d of 25 keys were listed", listed))

	presigned := must1(s3.NewPresignClient(client).PresignGetObject(ctx, &s3.GetObjectInput{Bucket: bucket, Key: key}))
	answer := must1(http.Get(presigned.URL))
	check(string(must1(io.ReadAll(answer.Body))) == "one", "a presigned URL gives "+answer.Status)

	empty(ctx, client, bucket)
	must1(client.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: bucket}))
	_, err = client.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: bucket})
	var gone *types.NotFound
	check(errors.As(err, &gone), "the bucket is still there")
}

func empty(ctx context.Context, client *s3.Client, bucket *string) {
	all := s3.NewListObjectsV2Paginator(client, &s3.ListObjectsV2Input{Bucket: bucket})
	for all.HasMorePages() {
		var objects []types.ObjectIdentifier
		for _, object := range must1(all.NextPage(ctx)).Contents {
			objects = append(objects, types.ObjectIdentifier{Key: object.Key})
		}
		deleted := must1(client.DeleteObjects(ctx, &s3.DeleteObjectsInput{Bucket: bucket, Delete: &types.Delete{Objects: objects}}))
		check(len(deleted.Errors) == 0, "some objects were not deleted")
	}
}

func codeOf(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}

func check(holds bool, otherwise string) {
	if !holds {
		must(errors.New(otherwise))
	}
}

func must1[T any](value T, err error) T {
	must(err)
	return value
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
