// Package notices holds the licences of what the energo command links.
package notices

import _ "embed"

//go:generate go run ./write -out notices.txt

// Text is every module's name and version, and its licence files whole.
//
//go:embed notices.txt
var Text string
