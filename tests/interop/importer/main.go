// Imports archives with containerd's library, as `ctr images import` and K3s do,
// and prints the name, digest and size of each image.
package main

import (
	"context"
	_ "crypto/sha256"
	"encoding/json"
	"fmt"
	"os"

	"github.com/containerd/containerd/v2/core/content"
	"github.com/containerd/containerd/v2/core/images"
	"github.com/containerd/containerd/v2/core/images/archive"
	"github.com/containerd/containerd/v2/plugins/content/local"
	"github.com/containerd/platforms"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

func main() {
	if err := run(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(file, directory string) error {
	ctx := context.Background()
	store, err := local.NewStore(directory)
	if err != nil {
		return err
	}
	tar, err := os.Open(file)
	if err != nil {
		return err
	}
	defer tar.Close()
	top, err := archive.ImportIndex(ctx, store, tar)
	if err != nil {
		return err
	}
	blob, err := content.ReadBlob(ctx, store, top)
	if err != nil {
		return err
	}
	var index ocispec.Index
	if err := json.Unmarshal(blob, &index); err != nil {
		return err
	}
	for _, entry := range index.Manifests {
		name := entry.Annotations[images.AnnotationImageName]
		image := images.Image{Name: name, Target: entry}
		platform := platforms.Only(platforms.MustParse("linux/amd64"))
		size, err := image.Size(ctx, store, platform)
		fmt.Printf("%s\t%s\t%d\t%v\n", name, entry.Digest, size, err)
	}
	return nil
}
