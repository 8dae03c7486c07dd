package email

import (
	"regexp"
	"strings"
)

var (
	bracketed = regexp.MustCompile(`<[^<>\s]+>`)
	sesHost   = regexp.MustCompile(`^email-smtp(?:-fips)?\.([a-z0-9-]+)\.amazonaws\.com$`)
	sesText   = regexp.MustCompile(`(?i)^(?:2\.0\.0 )?ok ([0-9a-z-]{20,80})$`)
)

// Alias returns the Message-ID that a provider gave a message in place of ours,
// as the text after its 250 tells; "" where it tells none. Only providers known
// to replace ids are believed: others name queues and the like.
func Alias(host, text string) string {
	host, text = ASCIIDomain(host), strings.TrimSpace(text)
	alias := ""
	switch m := sesHost.FindStringSubmatch(host); {
	case m != nil:
		if id := sesText.FindStringSubmatch(text); id != nil {
			region := m[1]
			if region == "us-east-1" {
				region = "email"
			}
			alias = "<" + id[1] + "@" + region + ".amazonses.com>"
		}
	case host == "smtp.office365.com" || host == "smtp-mail.outlook.com" || strings.HasSuffix(host, ".outlook.com"):
		alias = bracketed.FindString(text)
	case strings.Contains(text, ".outlook.com>"): // a relay of Microsoft under another name
		alias = bracketed.FindString(text)
	}
	if !IsMessageID(alias) {
		return ""
	}
	return alias
}
