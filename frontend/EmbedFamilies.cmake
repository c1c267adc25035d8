# Writes OUTPUT, a C++ file with the text of FILES (a list separated by commas) as raw strings:
#   cmake -DOUTPUT=... -DFILES=a,b -P EmbedFamilies.cmake
string(REPLACE "," ";" files "${FILES}")
set(text "// Generated from frontend/families by EmbedFamilies.cmake.\n#include \"frontend/Families.h\"\n
namespace heddle::frontend {\nconst EmbeddedText kEmbeddedFamilies[] = {\n")
set(count 0)
foreach(file ${files})
  get_filename_component(name ${file} NAME)
  file(READ ${file} content)
  string(APPEND text "{\"${name}\", R\"family(${content})family\"},\n")
  math(EXPR count "${count} + 1")
endforeach()
string(APPEND text "};\nconst size_t kEmbeddedFamilyCount = ${count};\n} // namespace heddle::frontend\n")
file(WRITE ${OUTPUT} "${text}")
