#!/bin/bash
# An APT repository of real packages goes across, is served by a real nginx and used by the real apt-get; a second
# snapshot with a newer version follows; a changed .deb is refused by apt and named by satchel-verify store.
#   tests/e2e/apt.sh [medium folder]     apt-fat.sh calls it with a FAT32 image mounted there
# Needs the distribution's mirror (apt-get download), apt-utils, gnupg, nginx.
. "$(dirname "$0")/../cli/lib.sh"
for tool in apt-get apt-ftparchive dpkg-deb gpg nginx; do
  command -v $tool >/dev/null || skip "no $tool here: carrying and serving an APT repository"
done
medium=${1:-$T/medium}
mkdir -p "$medium"
packages="publicsuffix media-types iso-codes hostname sed grep gzip tar bzip2 xz-utils zstd netbase"

# ---- the internet side: a mirror of a dozen packages, signed
mirror=$T/mirror
mkdir -p "$mirror/pool" "$mirror/dists/stable/main/binary-amd64" "$T/gnupg"
chmod 700 "$T/gnupg"
export GNUPGHOME=$T/gnupg
at_exit 'gpgconf --kill all >/dev/null 2>&1'
gpg --batch --quiet --passphrase '' --quick-gen-key 'Mirror <mirror@example.org>' ed25519 sign never 2>/dev/null
gpg --export >"$T/mirror.gpg"
fetch() { # one file at a time may be unreachable, or replaced since the lists were read
  local try
  for try in 1 2 3; do
    (cd "$mirror/pool" && apt-get -q -o Acquire::Retries=5 download $packages >"$T/download.log" 2>&1) && return
    [ "$(id -u)" -ne 0 ] || apt-get -q update >/dev/null 2>&1 || true
    sleep $((20 * try))
  done
  return 1
}
fetch || { tail -n 3 "$T/download.log"; skip "apt-get download failed: the mirror of the distribution"; }
arch=$(dpkg --print-architecture)
index() { # makes Packages, Release, InRelease anew
  (
    cd "$mirror"
    mkdir -p "dists/stable/main/binary-$arch"
    apt-ftparchive packages pool >"dists/stable/main/binary-$arch/Packages"
    gzip -kn9f "dists/stable/main/binary-$arch/Packages"
    rm -f dists/stable/Release dists/stable/InRelease
    apt-ftparchive -o APT::FTPArchive::Release::Suite=stable -o APT::FTPArchive::Release::Codename=stable \
      -o APT::FTPArchive::Release::Components=main -o APT::FTPArchive::Release::Architectures="$arch" \
      release dists/stable >"$T/Release"
    mv "$T/Release" dists/stable/Release
    gpg --batch --quiet --clearsign -o dists/stable/InRelease dists/stable/Release
  )
}
[ "$arch" = amd64 ] || rmdir "$mirror/dists/stable/main/binary-amd64"
index
# An hour old: HTTP knows versions of a file by the second, and apt would keep this InRelease for the next one's.
find "$mirror/dists" -type f -exec touch -d '1 hour ago' {} +
quick_station "$mirror"
expect 0 satchel-export pack "$medium"

# ---- the perimeter: verified, taken in, served
expect 0 satchel-verify bundle "$medium" --trust "$T/station/trust/trust-1.yaml"
quick_store
export SATCHEL_STORE=$T/store
expect 0 satchel-import apply "$medium"
same_tree "$mirror" "$T/store/published/updates"

port=$((20000 + RANDOM % 20000))
mkdir -p "$T/nginx"
start_nginx() {
  local try
  for try in 1 2 3 4 5; do
    cat >"$T/nginx/nginx.conf" <<C
user root; worker_processes 1; daemon off; pid $T/nginx/pid; error_log $T/nginx/error.log;
events { worker_connections 64; }
http { access_log off; client_body_temp_path $T/nginx/body; proxy_temp_path $T/nginx/proxy; fastcgi_temp_path $T/nginx/f;
  uwsgi_temp_path $T/nginx/u; scgi_temp_path $T/nginx/s;
  server { listen 127.0.0.1:$port; root $T/store/published/updates; } }
C
    setsid nginx -p "$T/nginx" -c "$T/nginx/nginx.conf" >"$T/nginx/log" 2>&1 </dev/null &
    server=$!
    for _ in $(seq 600); do
      [ -s "$T/nginx/pid" ] && return 0
      kill -0 $server 2>/dev/null || break
      sleep 0.1
    done
    kill $server 2>/dev/null || true
    port=$((port + 1 + try))
  done
  cat "$T/nginx/log"; fail "nginx does not start"
}
[ "$(id -u)" -eq 0 ] || sed -i 's/^user root;//' "$T/nginx/nginx.conf" 2>/dev/null || true
chmod 755 "$T"
start_nginx
at_exit 'kill $server 2>/dev/null; wait $server 2>/dev/null'

root=$T/client
mkdir -p "$root"/etc/apt/{apt.conf.d,preferences.d,sources.list.d,trusted.gpg.d} "$root"/var/lib/apt/lists/partial \
  "$root"/var/cache/apt/archives/partial "$root"/var/lib/dpkg/{info,updates,triggers} "$root"/var/log/apt
: >"$root/var/lib/dpkg/status"
cat >"$T/apt.conf" <<C
Dir "$root"; Dir::State::status "$root/var/lib/dpkg/status"; APT::Sandbox::User "root"; APT::Architecture "$arch";
Dir::Bin::dpkg "/usr/bin/dpkg"; Acquire::Languages "none"; APT::Get::Assume-Yes "true";
DPkg::Options {"--root=$root"; "--force-not-root"; "--log=$root/dpkg.log";};
C
export APT_CONFIG=$T/apt.conf
echo "deb [signed-by=$T/mirror.gpg] http://127.0.0.1:$port stable main" >"$root/etc/apt/sources.list"
expect 0 apt-get update
expect 0 apt-get install publicsuffix
[ -e "$root/usr/share/publicsuffix/public_suffix_list.dafsa" ] || fail "publicsuffix was not installed from the published tree"
before=$(dpkg-query --admindir="$root/var/lib/dpkg" -W -f '${Version}' publicsuffix)

# ---- a second snapshot with a newer version
mkdir "$T/newer"
dpkg-deb -R "$mirror"/pool/publicsuffix_*.deb "$T/newer/p"
sed -i "s/^Version: .*/Version: 9$before/" "$T/newer/p/DEBIAN/control"
rm "$mirror"/pool/publicsuffix_*.deb
dpkg-deb --root-owner-group -b "$T/newer/p" "$mirror/pool/publicsuffix_9.deb" >/dev/null
index
expect 0 satchel-export scan
expect 0 satchel-export approve --all --ring production
expect 0 satchel-export sign
expect 0 satchel-export pack "$medium"
expect 0 satchel-import apply "$medium"
same_tree "$mirror" "$T/store/published/updates"
expect 0 apt-get update
expect 0 apt-get --just-print upgrade
grep -q "^Inst publicsuffix .*9$before" "$T/out" || fail "apt-get upgrade does not see the newer version"
expect 0 apt-get upgrade
[ "$(dpkg-query --admindir="$root/var/lib/dpkg" -W -f '${Version}' publicsuffix)" = "9$before" ] || fail "not upgraded"
expect 0 satchel-verify store "$T/store" --trust "$T/station/trust/trust-1.yaml"

# ---- somebody changes a .deb in the published tree: apt refuses it, verify names it
rm -rf "$root"/var/cache/apt/archives/*.deb
deb=$(cd "$T/store/published/updates/" && ls pool/media-types_*.deb)
chmod u+w "$T/store/published/updates/$deb" # and leaves it so, which says which name it was changed by: the bytes are those of an object
flip "$T/store/published/updates/$deb" 200
expect 100 apt-get --download-only install media-types
grep -qiE 'hash sum mismatch|Unable to fetch' "$T/err" "$T/out" || fail "apt did not refuse the changed package"
expect 1 satchel-verify store "$T/store" --trust "$T/station/trust/trust-1.yaml"
grep -qF "$deb" "$T/out" "$T/err" || fail "satchel-verify store does not name $deb"
grep -q 'object-digest' "$T/out" || fail "satchel-verify store does not say that its bytes are others"
