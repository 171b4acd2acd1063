// Judges images by policies as containers/image does, the library of skopeo and
// podman. One case a line on standard input:
//
//	POLICY-FILE <tab> REGISTRIES.D <tab> REFERENCE <tab> DIGEST (of a child, or empty)
//
// and one line of standard output for each: "accept", "reject" or "error", a
// tab, and why.
package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/containers/image/v5/docker"
	"github.com/containers/image/v5/image"
	"github.com/containers/image/v5/signature"
	"github.com/containers/image/v5/types"
	"github.com/opencontainers/go-digest"
)

func judge(policyFile, registriesDir, reference, child string) (string, error) {
	policy, err := signature.NewPolicyFromFile(policyFile)
	if err != nil {
		return "error", err
	}
	pc, err := signature.NewPolicyContext(policy)
	if err != nil {
		return "error", err
	}
	defer pc.Destroy()
	ref, err := docker.ParseReference("//" + reference)
	if err != nil {
		return "error", err
	}
	sys := &types.SystemContext{
		RegistriesDirPath:           registriesDir,
		DockerInsecureSkipTLSVerify: types.OptionalBoolTrue,
	}
	src, err := ref.NewImageSource(context.Background(), sys)
	if err != nil {
		return "error", err
	}
	defer src.Close()
	var instance *digest.Digest
	if child != "" {
		d := digest.Digest(child)
		instance = &d
	}
	ok, err := pc.IsRunningImageAllowed(context.Background(), image.UnparsedInstance(src, instance))
	if ok {
		return "accept", nil
	}
	if _, is := err.(signature.PolicyRequirementError); is {
		return "reject", err
	}
	return "reject", err
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		f := strings.Split(lines.Text(), "\t")
		verdict, err := judge(f[0], f[1], f[2], f[3])
		why := ""
		if err != nil {
			why = strings.ReplaceAll(err.Error(), "\n", " ")
		}
		fmt.Printf("%s\t%s\n", verdict, why)
	}
}
