//go:build !unix

package main

import "time"

var began = time.Now()

// spent is the time that has passed, in seconds.
func spent() float64 { return time.Since(began).Seconds() }
