#!/bin/sh
# Write the secrets of compose.yaml into deploy/secrets. Files that exist are kept.
#
# Only the owner can enter the folder. Every user can read the files, because Docker mounts them
# with the same mode into containers, where processes run as other users.
set -eu
folder=$(dirname "$0")/secrets
mkdir -p -m 700 "$folder"

password() {
    od -An -N24 -tx1 /dev/urandom | tr -d ' \n'
}

write() {
    [ -e "$folder/$1" ] || printf '%s\n' "$2" >"$folder/$1"
    chmod 444 "$folder/$1"
}

write postgres_password "$(password)"
write owner_url "postgresql://todos_owner:$(password)@postgres/todos"
write app_url "postgresql://todos_app:$(password)@postgres/todos"
