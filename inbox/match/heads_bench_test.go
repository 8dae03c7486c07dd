package match

import (
	"fmt"
	"testing"

	"relanced/inbox/message"
	"relanced/internal/email"
)

// BenchmarkHeads measures what the header stage costs per message, beside the
// reading of it from the server.
func BenchmarkHeads(b *testing.B) {
	keys, err := email.NewKeys(1, map[int][]byte{1: []byte("0123456789abcdef0123456789abcdef")})
	if err != nil {
		b.Fatal(err)
	}
	s := Seller{Company: "dupont", Keys: keys, Own: []string{"compta@dupont.example"}}
	raws := make([][]byte, 500)
	for i := range raws {
		raws[i] = fmt.Appendf(nil, "From: Jean Client <jean%d@client%d.example>\r\nTo: compta@dupont.example\r\nSubject: =?utf-8?q?Re=3A_Rappel_facture_=C3=A9chue_FA-%d?=\r\nDate: Tue, 24 Nov 2026 08:00:00 +0100\r\nMessage-ID: <%d.abcdef@client.example>\r\nIn-Reply-To: <%d.zzzz@other.example>\r\nReferences: <1.a@other.example> <2.b@other.example>\r\nReceived: from a by b\r\n for <compta@dupont.example>; Tue, 24 Nov 2026 08:00:00 +0100\r\n\r\n", i, i, i, i, i)
	}
	d := &directory{}
	b.ResetTimer()
	for range b.N {
		heads := make([]*message.Message, len(raws))
		for i, raw := range raws {
			heads[i] = message.ParseHeader(raw)
		}
		if _, err := Heads(b.Context(), d, s, heads); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N*len(raws))/b.Elapsed().Seconds(), "messages/s")
}
