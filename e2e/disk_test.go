package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// volume is a small disk of its own: it can be filled and made read-only.
type volume struct {
	t   *testing.T
	dir string
}

// newVolume mounts one of so many KiB, or skips the test where this user may not.
func newVolume(t *testing.T, size int) *volume {
	t.Helper()
	v := &volume{t, t.TempDir()}
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", fmt.Sprintf("size=%dk", size), "tmpfs", v.dir).CombinedOutput(); err != nil {
		t.Skipf("no disk to fill: mount: %v: %s", err, out) // also in CI: containers seldom may
	}
	t.Cleanup(func() { _ = exec.Command("umount", "-l", v.dir).Run() })
	return v
}

// fill leaves no room.
func (v *volume) fill() {
	v.t.Helper()
	file, err := os.Create(filepath.Join(v.dir, "filler"))
	if err != nil {
		v.t.Fatal(err)
	}
	defer file.Close()
	for block := make([]byte, 4096); ; {
		if _, err := file.Write(block); err != nil {
			return
		}
	}
}

func (v *volume) room() { _ = os.Remove(filepath.Join(v.dir, "filler")) }

func (v *volume) remount(how string) {
	v.t.Helper()
	// A disk that fails turns read-only under whoever writes to it.
	if out, err := exec.Command("mount", "-o", "remount,"+how, v.dir).CombinedOutput(); err != nil {
		v.t.Skipf("mount -o remount,%s: %v: %s", how, err, out)
	}
}

// TestDrillDisk_fullSendsNothingSaysSoAndLosesNothing fills the disk of the
// database, under a command and under a running daemon.
func TestDrillDisk_fullSendsNothingSaysSoAndLosesNothing(t *testing.T) {
	t.Parallel()
	p := newPost(t)
	v := newVolume(t, 6<<10)
	w := newWorldWith(t, "sqlite:"+filepath.Join(v.dir, "relanced.db"), p)
	for i := range 3 {
		w.customer(fmt.Sprintf("P%03d", i), fmt.Sprintf("Client %d", i), fmt.Sprintf("petit@full%d.example", i), fmt.Sprintf("FD-%d", i), 30_000)
	}
	w.approved(3)
	before := w.states()

	v.fill()
	if r := w.command("remind"); r.code != 1 || !strings.Contains(r.err, "the disk is full") {
		t.Errorf("remind on a full disk: exit %d: %s", r.code, r.err)
	}
	if n := len(w.arrivedIn("petit", "full")); n != 0 {
		t.Errorf("%d messages left that could not be recorded", n)
	}
	v.room()
	d := w.daemon()
	v.fill()
	<-time.After(3 * time.Second)
	t.Logf("the daemon on a full disk: %d warnings", strings.Count(d.said(), "WRN"))
	v.room()
	until(t, 120*time.Second, "all sent once there is room", func() bool { return len(w.arrivedIn("petit", "full")) == 3 })
	d.stop()
	after := w.states()
	t.Logf("before %v, after %v", before, after)
	if after["sent"]+after["unknown"] != 3 {
		t.Errorf("%v", after)
	}
	for mid, n := range w.arrivedIn("petit", "full") {
		if n != 1 {
			t.Errorf("%s arrived %d times", mid, n)
		}
	}
}

// TestDrillDisk_readOnlySendsNothingAndSaysSo makes the disk read-only.
func TestDrillDisk_readOnlySendsNothingAndSaysSo(t *testing.T) {
	t.Parallel()
	p := newPost(t)
	v := newVolume(t, 16<<10)
	w := newWorldWith(t, "sqlite:"+filepath.Join(v.dir, "relanced.db"), p)
	w.customer("P001", "Boulangerie Petit", "petit@readonly1.example", "RO-1", 30_000)
	w.approved(1)
	v.remount("ro")
	if r := w.command("remind"); r.code != 1 || !strings.Contains(r.err, "read-only") {
		t.Errorf("remind on a read-only disk: exit %d: %s", r.code, r.err)
	}
	if n := len(w.arrivedIn("petit", "readonly")); n != 0 {
		t.Errorf("%d messages left", n)
	}
	v.remount("rw")
	w.do("remind")
	if states := w.states(); states["sent"] != 1 {
		t.Errorf("writable again: %v", states)
	}
}

// TestDrillDisk_damagedSendsNothingAndSaysWhatToDo writes over the middle of the
// database file; a copy made before is put back.
func TestDrillDisk_damagedSendsNothingAndSaysWhatToDo(t *testing.T) {
	t.Parallel()
	p := newPost(t)
	w := newWorldWith(t, "", p)
	w.customer("P001", "Boulangerie Petit", "petit@damaged1.example", "DA-1", 30_000)
	w.approved(1)
	copied := filepath.Join(w.dir, "copy.db")
	w.do("backup", copied)
	path := strings.TrimPrefix(w.store, "sqlite:")
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	noise := []byte(strings.Repeat("\xa5\x5a", 2048))
	for at := int64(4096); at+4096 <= info.Size(); at += 2 * 4096 {
		if _, err := file.WriteAt(noise, at); err != nil {
			t.Fatal(err)
		}
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	for _, command := range []string{"remind", "status", "run"} {
		if r := w.command(command); r.code != 1 || !strings.Contains(r.err, "damaged") || !strings.Contains(r.err, "backup") {
			t.Errorf("%s: exit %d: %s", command, r.code, tail(r.err, 600))
		}
	}
	if n := len(w.arrivedIn("petit", "damaged")); n != 0 {
		t.Errorf("%d messages left", n)
	}
	w.store = "sqlite:" + copied
	w.do("remind")
	w.do("confirm", "compta", "--yes")
	w.do("remind")
	w.do("approve", "--all")
	w.do("remind")
	if n := len(w.arrivedIn("petit", "damaged")); n != 1 {
		t.Errorf("from the backup %d messages left, want 1", n)
	}
}
