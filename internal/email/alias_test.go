package email

import "testing"

func TestAlias(t *testing.T) {
	t.Parallel()
	tests := []struct{ host, text, want string }{
		{"smtp.office365.com", "2.0.0 OK <PR3P193MB0001.EURP193.PROD.OUTLOOK.COM@x> [Hostname=PR3P193.prod.outlook.com]", "<PR3P193MB0001.EURP193.PROD.OUTLOOK.COM@x>"},
		{"smtp.office365.com", "2.0.0 OK", ""},
		{"smtp.office365.com", "2.0.0 OK <no-id>", ""},
		{"email-smtp.eu-west-3.amazonaws.com", "Ok 0102018abcdef012-11111111-2222-3333-4444-555555555555-000000", "<0102018abcdef012-11111111-2222-3333-4444-555555555555-000000@eu-west-3.amazonses.com>"},
		{"email-smtp.us-east-1.amazonaws.com", "Ok 0102018abcdef012-11111111-2222-3333-4444-555555555555-000000", "<0102018abcdef012-11111111-2222-3333-4444-555555555555-000000@email.amazonses.com>"},
		{"ssl0.ovh.net", "2.0.0 Ok: queued as 4VZ0 <x@y.fr>", ""},
	}
	for _, test := range tests {
		if got := Alias(test.host, test.text); got != test.want {
			t.Errorf("Alias(%q, %q) = %q, want %q", test.host, test.text, got, test.want)
		}
	}
}
