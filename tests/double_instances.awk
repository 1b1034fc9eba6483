# Of keel's headers, each KEEL_INSTANCE once more for double, in its namespace. how="extern template" includes the headers too.
#   awk -v how=HOW -f double_instances.awk HEADERS...
FNR == 1 { depth = braces = 0; name = FILENAME; sub(/.*\/include\//, "", name) }
{ code = $0; gsub(/\\./, "", code); gsub(/"[^"]*"|'[^']'|\/\/.*/, "", code); opened = gsub(/\{/, "", code); closed = gsub(/\}/, "", code) }
/^(inline )?namespace [A-Za-z_:]+ \{$/ { space[++depth] = $0; outside[depth] = braces }
{ braces += opened - closed }
depth && braces <= outside[depth] { depth-- }
/^KEEL_INSTANCE\(/ { instance = ""; on = 1; sub(/^KEEL_INSTANCE\(/, "") }
on {
  instance = instance $0
  if (gsub(/\(/, "(", instance) + 1 != gsub(/\)/, ")", instance)) next
  on = 0
  if (instance !~ /float/) next
  sub(/\)$/, "", instance)
  gsub(/float/, "double", instance)
  gsub(/ +/, " ", instance)
  if (instance in written || how == "template" && instance ~ /Model<double>::/) next # those of a class come with it
  written[instance]
  if (how ~ /extern/ && !(name in included)) { included[name]; print "#include <" name ">" }
  text = ""
  for (i = 1; i <= depth; i++) text = text space[i] "\n"
  text = text how " " instance ";\n"
  for (i = 1; i <= depth; i++) text = text "}"
  print text
}
