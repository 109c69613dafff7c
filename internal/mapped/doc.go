// Package mapped maps files into memory, to be read only, where the system can; elsewhere it reads them.
package mapped
