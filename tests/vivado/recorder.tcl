# Stands in for Vivado's Tcl commands, to run a script without Vivado: tclsh recorder.tcl SCRIPT [DECLARATIONS]
#
# It knows which commands and options there are (UG835; ipx:: from UG1118), keeps the cells, pins and connections of the
# block design, and refuses what does not exist: a file, a command, an option, a block, a pin, a board. It builds nothing.
# DECLARATIONS is a Tcl file that may declare further blocks with `block`. One line of output a command.

namespace eval rec {
    variable commands {}
    variable blocks {}
    array set cells {}        ;# cell -> block
    array set config {}       ;# cell,key -> value
    array set nets {}         ;# cell/pin -> driver
    array set buses {}        ;# cell/interface -> other end
    array set files {}        ;# path -> 1
    variable generated {}     ;# tails of files that Vivado would write
    variable project ""
    variable part ""
    variable board ""
    variable top ""
    variable design ""
}

# The commands: name, options ("name:" takes a value), where they are documented.
foreach {name options} {
    create_project {part: force in_memory}          close_project {}
    current_project {}                              current_fileset {}
    add_files {norecurse fileset: scan_for_includes} get_files {quiet of_objects:}
    import_files {force norecurse fileset:}         update_compile_order {fileset:}
    set_property {dict:}                            get_property {}
    get_board_parts {quiet}                         update_ip_catalog {rebuild}
    get_filesets {quiet}                            get_ports {quiet}
    create_bd_design {}                             create_bd_cell {type: vlnv:}
    get_bd_cells {quiet}                            get_bd_pins {quiet of_objects:}
    get_bd_intf_pins {quiet of_objects:}            connect_bd_net {net:}
    connect_bd_intf_net {intf_net:}                 apply_bd_automation {rule: config:}
    assign_bd_address {offset: range:}              validate_bd_design {force}
    save_bd_design {}                               group_bd_cells {}
    make_wrapper {files: top import}                generate_target {force}
    synth_design {top: part: flatten_hierarchy:}    opt_design {directive:}
    place_design {directive:}                       phys_opt_design {directive:}
    route_design {directive:}                       write_checkpoint {force}
    report_utilization {file: hierarchical hierarchical_percentages}
    report_timing_summary {file: max_paths:}        report_power {file:}
    report_drc {file:}                              write_bitstream {force}
    reset_run {}                                    launch_runs {to_step: jobs:}
    wait_on_run {timeout:}                          open_run {}
    startgroup {}                                   endgroup {}
    create_clock {name: period:}
} {
    dict set rec::commands $name [dict create options $options \
        document "UG835, https://docs.amd.com/r/en-US/ug835-vivado-tcl-commands/$name"]
}
foreach {name options} {
    ipx::package_project {force root_dir: vendor: library: name: version: taxonomy: import_files set_current:}
    ipx::current_core {}                            ipx::associate_bus_interfaces {busif: clock:}
    ipx::create_xgui_files {}                       ipx::update_checksums {}
    ipx::check_integrity {quiet}                    ipx::save_core {}
} {
    dict set rec::commands $name [dict create options $options document "UG1118, Creating and Packaging Custom IP"]
}

# Blocks: pins as {name direction}, interfaces as {name mode protocol}, either with "?key=value": only with that
# setting. Sources: PG021, PG164, PG247, UG994 (xlconcat), PG082, PG201.
proc block {vlnv pins interfaces} { dict set rec::blocks $vlnv [dict create pins $pins interfaces $interfaces] }
block xilinx.com:ip:axi_dma {
    {s_axi_lite_aclk in} {m_axi_mm2s_aclk in} {m_axi_s2mm_aclk in} {axi_resetn in} {mm2s_introut out} {s2mm_introut out}
} {
    {S_AXI_LITE slave mm} {M_AXI_MM2S master mm} {M_AXI_S2MM master mm} {M_AXIS_MM2S master axis} {S_AXIS_S2MM slave axis}
}
block xilinx.com:ip:proc_sys_reset {
    {slowest_sync_clk in} {ext_reset_in in} {aux_reset_in optional} {dcm_locked optional} {peripheral_aresetn out}
    {interconnect_aresetn out} {peripheral_reset out} {mb_reset out} {bus_struct_reset out}
} {}
block xilinx.com:ip:smartconnect {{aclk in} {aresetn in}} {
    {S00_AXI slave mm} {S01_AXI?CONFIG.NUM_SI=2 slave mm} {M00_AXI master mm} {M01_AXI?CONFIG.NUM_MI=2 master mm}
}
block xilinx.com:ip:xlconcat {{In0 in} {In1 in} {dout out}} {}
block xilinx.com:ip:processing_system7 {
    {FCLK_CLK0 out} {FCLK_RESET0_N out} {M_AXI_GP0_ACLK in} {S_AXI_HP0_ACLK?CONFIG.PCW_USE_S_AXI_HP0=1 in}
    {IRQ_F2P?CONFIG.PCW_IRQ_F2P_INTR=1 in}
} {
    {M_AXI_GP0 master mm} {S_AXI_HP0?CONFIG.PCW_USE_S_AXI_HP0=1 slave mm}
}
block xilinx.com:ip:zynq_ultra_ps_e {
    {pl_clk0 out} {pl_resetn0 out} {maxihpm0_fpd_aclk?CONFIG.PSU__USE__M_AXI_GP0=1 in}
    {saxihp0_fpd_aclk?CONFIG.PSU__USE__S_AXI_GP2=1 in} {pl_ps_irq0?CONFIG.PSU__USE__IRQ0=1 in}
} {
    {M_AXI_HPM0_FPD?CONFIG.PSU__USE__M_AXI_GP0=1 master mm} {S_AXI_HP0_FPD?CONFIG.PSU__USE__S_AXI_GP2=1 slave mm}
}
# Board files that exist (Vivado Store, and the vendors' own), with the part each is for.
set rec::board_parts {
    www.digilentinc.com:pynq-z1:part0:1.0 xc7z020clg400-1     tul.com.tw:pynq-z2:part0:1.0 xc7z020clg400-1
    xilinx.com:zcu104:part0:1.1 xczu7ev-ffvc1156-2-e          xilinx.com:kv260_som:part0:1.4 xck26-sfvc784-2LV-c
    avnet.com:ultra96v2:part0:1.2 xczu3eg-sbva484-1-e
}

proc rec::run {name arguments} {
    variable commands
    set options [dict get $commands $name options]
    array set given {}
    set rest {}
    for {set i 0} {$i < [llength $arguments]} {incr i} {
        set word [lindex $arguments $i]
        if {![string match -* $word]} { lappend rest $word; continue }
        set option [string range $word 1 end]
        if {"$option:" in $options} {
            if {[incr i] == [llength $arguments]} { error "$name: -$option takes a value" }
            set given($option) [lindex $arguments $i]
        } elseif {$option in $options} {
            set given($option) 1
        } else {
            error "$name has no option $word ([dict get $commands $name document])"
        }
    }
    puts "$name $arguments"
    set handler ::rec::do_[string map {:: _} $name]
    if {[info commands $handler] ne ""} { return [$handler [array get given] $rest] }
    return ""
}
dict for {name _} $rec::commands {
    if {[string match ipx::* $name]} { namespace eval ::ipx {} }
    proc ::$name args "return \[rec::run $name \$args\]"
}

proc rec::do_create_project {given rest} {
    variable project [file normalize [expr {[llength $rest] > 1 ? [lindex $rest 1] : "."}]]
    variable part [dict get $given part]
    file mkdir $project
    return [lindex $rest 0]
}
proc rec::do_close_project {given rest} { variable project ""; return "" }
proc rec::do_current_project {given rest} { return project }
proc rec::do_current_fileset {given rest} { return sources_1 }
proc rec::do_add_files {given rest} {
    variable files
    variable generated
    foreach path [concat {*}$rest] {
        if {![file isfile $path] && [file tail $path] ni $generated} { error "add_files: no file $path" }
        set files([file normalize $path]) 1
    }
    return $rest
}
proc rec::do_get_files {given rest} {
    variable files
    variable generated
    set found {}
    foreach path [concat {*}$rest] {
        if {![info exists files([file normalize $path])] && [file tail $path] ni $generated} {
            error "get_files: the project has no $path"
        }
        lappend found $path
    }
    return $found
}
proc rec::do_set_property {given rest} {
    variable cells
    variable config
    variable board
    variable part
    variable board_parts
    variable top
    if {[dict exists $given dict]} {
        set pairs [dict get $given dict]
        set objects [lindex $rest 0]
    } else {
        lassign $rest name value objects
        set pairs [list $name $value]
    }
    if {![llength $objects]} { error "set_property $pairs: no object" }
    foreach {key value} $pairs {
        switch $key {
            board_part {
                if {![dict exists $board_parts $value]} { error "set_property: no board files $value" }
                if {[dict get $board_parts $value] ne $part} { error "board $value carries another part than $part" }
                set board $value
            }
            top { set top $value }
            ip_repo_paths { if {![file isdirectory [lindex $value 0]]} { error "set_property: no folder $value" } }
        }
        foreach object $objects { if {[info exists cells($object)]} { set config($object,$key) $value } }
    }
    return ""
}
proc rec::do_get_board_parts {given rest} {
    variable board_parts
    return [lsearch -all -inline [dict keys $board_parts] [lindex $rest 0]]
}
proc rec::do_create_bd_design {given rest} {
    variable design [lindex $rest 0]
    variable generated
    lappend generated $design.bd ${design}_wrapper.v
    return $design
}
proc rec::do_create_bd_cell {given rest} {
    variable cells
    variable blocks
    variable design
    if {$design eq ""} { error "create_bd_cell: no block design" }
    set parts [split [dict get $given vlnv] :]
    set vlnv [join [lrange $parts 0 2] :]
    if {![dict exists $blocks $vlnv]} { error "create_bd_cell: no block [dict get $given vlnv]" }
    set name [lindex $rest 0]
    if {[info exists cells($name)]} { error "create_bd_cell: $name exists" }
    set cells($name) $vlnv
    return $name
}
# Pins (or interfaces) that `cell` has with its settings: {name direction ...} each.
proc rec::ends {cell kind} {
    variable cells
    variable blocks
    variable config
    set found {}
    foreach end [dict get $blocks $cells($cell) $kind] {
        set name [lindex $end 0]
        if {[string match *\\?* $name]} {
            regexp {^(.*)\?(.*)=(.*)$} $name _ name key value
            if {![info exists config($cell,$key)] || $config($cell,$key) ne $value} { continue }
        }
        lappend found [lreplace $end 0 0 $name]
    }
    return $found
}
proc rec::find {path kind command} {
    variable cells
    set path [string trimleft $path /]
    lassign [split $path /] cell name
    if {![info exists cells($cell)]} { error "$command: no cell $cell" }
    foreach end [ends $cell $kind] { if {[lindex $end 0] eq $name} { return [list $path {*}[lrange $end 1 end]] } }
    error "$command: $cell ($cells($cell)) has no [string trimright $kind s] $name"
}
proc rec::do_get_bd_cells {given rest} {
    variable cells
    foreach name $rest { if {![info exists cells($name)]} { error "get_bd_cells: no cell $name" } }
    return $rest
}
proc rec::do_get_bd_pins {given rest} { return [lindex [find [lindex $rest 0] pins get_bd_pins] 0] }
proc rec::do_get_bd_intf_pins {given rest} { return [lindex [find [lindex $rest 0] interfaces get_bd_intf_pins] 0] }
proc rec::do_connect_bd_net {given rest} {
    variable nets
    set drivers {}
    foreach pin $rest {
        if {[lindex [find $pin pins connect_bd_net] 1] eq "out"} { lappend drivers $pin }
    }
    if {[llength $drivers] != 1} { error "connect_bd_net $rest: [llength $drivers] drivers" }
    foreach pin $rest {
        if {$pin eq $drivers} { continue }
        if {[info exists nets($pin)]} { error "connect_bd_net: $pin is connected already" }
        set nets($pin) $drivers
    }
    return ""
}
proc rec::do_connect_bd_intf_net {given rest} {
    variable buses
    lassign [find [lindex $rest 0] interfaces connect_bd_intf_net] a a_mode a_protocol
    lassign [find [lindex $rest 1] interfaces connect_bd_intf_net] b b_mode b_protocol
    if {$a_mode eq $b_mode} { error "connect_bd_intf_net: $a and $b are both a $a_mode" }
    if {$a_protocol ne $b_protocol} { error "connect_bd_intf_net: $a is $a_protocol, $b is $b_protocol" }
    foreach {one other} [list $a $b $b $a] {
        if {[info exists buses($one)]} { error "connect_bd_intf_net: $one is connected already" }
        set buses($one) $other
    }
    return ""
}
proc rec::do_apply_bd_automation {given rest} {
    if {![llength [lindex $rest 0]]} { error "apply_bd_automation: no object" }
    foreach key {Master Slave} {
        set settings [dict get $given config]
        if {[dict exists $settings $key] && [string match /* [dict get $settings $key]]} {
            find [dict get $settings $key] interfaces apply_bd_automation
        }
    }
    return ""
}
proc rec::do_validate_bd_design {given rest} {
    variable cells
    variable nets
    variable buses
    foreach cell [lsort [array names cells]] {
        foreach end [ends $cell pins] {
            lassign $end name direction
            if {$direction eq "in" && ![info exists nets($cell/$name)]} { error "validate_bd_design: $cell/$name is open" }
        }
        foreach end [ends $cell interfaces] {
            lassign $end name
            if {![info exists buses($cell/$name)]} { error "validate_bd_design: interface $cell/$name is open" }
        }
    }
    return ""
}
proc rec::do_make_wrapper {given rest} {
    variable project
    variable design
    return $project/a2qflow.gen/sources_1/bd/$design/hdl/${design}_wrapper.v
}
proc rec::do_generate_target {given rest} {
    variable project
    variable design
    set folder $project/$design.gen/sources_1/bd/$design/hw_handoff
    file mkdir $folder
    close [open $folder/$design.hwh w]
    return ""
}
proc rec::do_synth_design {given rest} {
    variable design
    variable part
    if {[dict get $given top] ne "${design}_wrapper" || [dict get $given part] ne $part} {
        error "synth_design: top or part is not the project's"
    }
    return ""
}
# The packaged block: ports of the Verilog top, grouped to interfaces by their names as the packager does.
proc rec::do_ipx_package_project {given rest} {
    variable files
    variable top
    set sources [lsearch -all -inline [array names files] */$top.v]
    if {[llength $sources] != 1} { error "ipx::package_project: no $top.v in the project" }
    set stream [open [lindex $sources 0]]
    set text [read $stream]
    close $stream
    if {![regexp "\nmodule $top " $text]} { error "ipx::package_project: [lindex $sources 0] holds no module $top" }
    set pins {}
    array set groups {}
    foreach {_ direction port} [regexp -all -inline {\n *(input|output) +wire +(?:\[[^]]*\] +)?(\w+)} $text] {
        if {[regexp {^([sm]_ax.*)_(tdata|tvalid|tready|tlast|tkeep)$} $port _ bus signal]} {
            set groups($bus) axis
        } elseif {[regexp {^(s_axi.*)_(aw|w|b|ar|r)(addr|valid|ready|data|strb|resp)$} $port _ bus]} {
            set groups($bus) mm
        } else {
            lappend pins [list $port [expr {$direction eq "input" ? "in" : "out"}]]
        }
    }
    set interfaces {}
    foreach bus [lsort [array names groups]] {
        lappend interfaces [list $bus [expr {[string match s* $bus] ? "slave" : "master"}] $groups($bus)]
    }
    block [dict get $given vendor]:[dict get $given library]:[dict get $given name] $pins $interfaces
    variable packaged [dict create pins $pins interfaces $interfaces]
    file mkdir [dict get $given root_dir]
    return core
}
proc rec::do_ipx_current_core {given rest} { return core }
proc rec::do_ipx_associate_bus_interfaces {given rest} {
    variable packaged
    if {[dict get $given busif] ni [lmap i [dict get $packaged interfaces] {lindex $i 0}]} {
        error "ipx::associate_bus_interfaces: no interface [dict get $given busif]"
    }
    if {[dict get $given clock] ni [lmap i [dict get $packaged pins] {lindex $i 0}]} {
        error "ipx::associate_bus_interfaces: no clock [dict get $given clock]"
    }
    return ""
}

# An unknown command is an error of the script, not something to look for on PATH.
proc unknown args { error "no such command: [lindex $args 0]" }

if {[llength $argv] > 1} { source [lindex $argv 1] }
foreach script [split [lindex $argv 0] ,] {
    set rec::design ""
    if {[catch {
        set argv0 $script
        proc rec::source_script {path} { uplevel #0 [list source $path] }
        rec::source_script $script
    } problem]} {
        puts stderr "recorder: $script: $problem"
        exit 1
    }
}
foreach {pin driver} [array get rec::nets] { puts "net $driver $pin" }
foreach {one other} [array get rec::buses] { puts "bus $one $other" }
