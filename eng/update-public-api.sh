#!/usr/bin/env bash
# Writes .PublicAPI/PublicAPI.Unshipped.txt of both libraries anew: what they offer beyond PublicAPI.Shipped.txt.
# Look at the difference before you commit it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export CI=true

# From code that does not compile, only a part of the API would be seen.
dotnet build src/DCCL.Trainers -p:RunAnalyzers=false -p:TreatWarningsAsErrors=false -v quiet

for project in src/DCCL.ML src/DCCL.Trainers; do
    echo '#nullable enable' >"$project/.PublicAPI/PublicAPI.Unshipped.txt"
    dotnet format analyzers "$project" --diagnostics RS0016 --severity info --no-restore
done
git --no-pager diff --stat -- '*.PublicAPI/*'
