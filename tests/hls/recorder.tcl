# Stands in for Vitis HLS: runs a script whose commands are those of a table, and writes down what it was asked for.
#
#   tclsh recorder.tcl TABLE SCRIPT
#
# TABLE: a line a command: its name, the least and most arguments without options, its options (with a value: `-x=`), and
# where UG1399 says so. Anything else is an error. Prints a line a call: the command and its arguments, as a list.
lassign $argv table script

set handle [open $table]
foreach line [split [read $handle] \n] {
  if {[string trim $line] eq "" || [string match "#*" $line]} continue
  lassign [split $line |] name least most options
  set name [string trim $name]
  set known($name) [list [string trim $least] [string trim $most] [string trim $options]]
}
close $handle
rename exit tcl_exit

proc record {name least most options arguments} {
  set plain {}
  for {set i 0} {$i < [llength $arguments]} {incr i} {
    set argument [lindex $arguments $i]
    if {[string match "-*" $argument] && ![string is double $argument]} {
      if {"$argument=" in $options} {
        incr i
        if {$i == [llength $arguments]} {error "$name: $argument needs a value"}
      } elseif {$argument ni $options} {
        error "$name: unknown option $argument; known: $options"
      }
    } else {
      lappend plain $argument
    }
  }
  if {[llength $plain] < $least || [llength $plain] > $most} {
    error "$name: [llength $plain] arguments ($plain), not $least to $most"
  }
  puts [list $name {*}$arguments]
}

foreach {name shape} [array get known] {
  proc $name args [list apply {{name shape} {
    upvar 1 args args
    record $name {*}$shape $args
    if {$name eq "exit"} {tcl_exit 0}
  }} $name $shape]
}

set argv {}
set argv0 $script
source $script
puts stderr "the script does not end with exit"
tcl_exit 1
