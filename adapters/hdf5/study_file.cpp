// Implements study_file.hpp.
#include "adapters/hdf5/study_file.hpp"

#include "adapters/hdf5/table_file.hpp"
#include "coupler/base/version.hpp"

namespace ekman {

namespace {

// `/` would make groups of a name.
std::string dataset_name(std::string name) {
  for (char& c : name)
    if (c == '/') c = '|';
  return name;
}

// Lists of texts that are attributes must be short.
void write_text_column(const TableFile& file, hid_t group, const std::string& name,
                       const std::vector<std::string>& texts) {
  const auto extent = static_cast<hsize_t>(texts.size());
  const Hdf5Type type = text_type(file.path);
  const Hdf5Space space(check_hdf5(H5Screate_simple(1, &extent, nullptr), "write", file.path));
  const Hdf5Dataset dataset(
      check_hdf5(H5Dcreate2(group, name.c_str(), type.get(), space.get(), H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT),
                 "write", file.path));
  std::vector<const char*> addresses;
  for (const std::string& text : texts) addresses.push_back(text.c_str());
  if (extent > 0)
    check_hdf5(H5Dwrite(dataset.get(), type.get(), H5S_ALL, H5S_ALL, H5P_DEFAULT, addresses.data()), "write",
               file.path);
}

}  // namespace

void write_study(const std::string& path, const std::vector<std::pair<std::string, std::vector<TableColumn>>>& tables) {
  NewFile fresh(path);
  const TableFile file{fresh.unfinished(), fresh.id(), "study", "run it again"};
  write_label(file.named(file.id), "title", "Results of a study of Ekman");
  write_label(file.named(file.id), "ekman", build_version());
  for (const auto& [title, columns] : tables) {
    const TableWriter table(file, title.c_str());
    std::vector<std::string> names;
    for (const TableColumn& column : columns) {
      names.push_back(dataset_name(column.name));
      if (column.is_text) {
        write_text_column(file, table.group(), names.back(), column.texts);
      } else {
        table(names.back().c_str(), column.numbers);
      }
    }
    table("columns", names);
  }
  fresh.finish();
}

}  // namespace ekman
