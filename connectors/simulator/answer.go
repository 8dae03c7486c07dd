package simulator

import (
	"encoding/json"
	"net/http"
	"strconv"
)

// Answer is what a request is answered with.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// JSON is an answer whose body is v.
func JSON(status int, v any) Answer {
	body, err := json.Marshal(v)
	if err != nil {
		panic(err) // simulators make it of plain values
	}
	return Answer{status, http.Header{"Content-Type": {"application/json"}}, body}
}

// WebPage is an answer that no interface gives: that of a proxy, or of a site that
// is being worked on.
func WebPage(status int, title string) Answer {
	return Answer{status, http.Header{"Content-Type": {"text/html"}}, []byte("<!DOCTYPE html><html><head><title>" + title + "</title></head><body></body></html>")}
}

// PDF is a document that holds text.
func PDF(text string) Answer {
	return Answer{http.StatusOK, http.Header{"Content-Type": {"application/pdf"}}, []byte("%PDF-1.4\n% " + text + "\n%%EOF\n")}
}

// Wait has an answer say after how many seconds to come back.
func (a Answer) Wait(seconds string) Answer {
	a.Header = a.Header.Clone()
	a.Header.Set("Retry-After", seconds)
	return a
}

// Send sends an answer, spoilt as the fault says. key is what the answer is to:
// Repeated gives the last sound one to the same.
func (f *Front) Send(w http.ResponseWriter, fault Fault, key string, a Answer) {
	if fault.Status != 0 {
		a = Answer{fault.Status, fault.Header, []byte(fault.Body)}
	} else if a.Status == http.StatusOK {
		a = f.remember(fault, key, a)
	}
	for name, values := range a.Header {
		w.Header()[name] = values
	}
	body := a.Body
	if fault.Kind == Truncated || fault.Kind == CutShort {
		body = body[:len(body)/2]
	}
	if fault.Kind == CutShort {
		w.Header().Set("Content-Length", strconv.Itoa(len(a.Body))) // the server then ends the connection
	}
	w.WriteHeader(a.Status)
	_, _ = w.Write(body)
}

func (f *Front) remember(fault Fault, key string, a Answer) Answer {
	f.mu.Lock()
	defer f.mu.Unlock()
	if earlier, ok := f.before[key]; ok && fault.Kind == Repeated {
		return earlier
	}
	if f.before == nil {
		f.before = map[string]Answer{}
	}
	f.before[key] = a
	return a
}
