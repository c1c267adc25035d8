// SPDX-License-Identifier: Apache-2.0
// Which planted defect is alive, in copies of the sources made by plant.py: they carry all defects
// at once, and each asks whether it is the one.

#ifndef HEDDLE_TESTS_MUTANTS_MUTANT_H
#define HEDDLE_TESTS_MUTANTS_MUTANT_H

#include <cstdlib>

/// The number of the defect that this process shall show, from HEDDLE_MUTANT; 0 for none.
inline const int chosenMutant = [] {
  const char *number = std::getenv("HEDDLE_MUTANT");
  return number ? std::atoi(number) : 0;
}();

#endif // HEDDLE_TESTS_MUTANTS_MUTANT_H
