// Package wire reads what clients send and writes what they are told: JSON that is taken strictly, bodies in their
// several forms, and problems as RFC 9457 has them.
//
// In a program for browsers (GOOS=js) the package has what does not need net/http: JSON, parameters and problems.
package wire
